"""Benchmarks: measured by ``make bench``, written down in ``docs/benchmarks.md``.

generate   the posts, made from a seed
sites      the same posts as a site of ours and of Hugo, Pelican and Eleventy
programs   how each of the four is installed and started
build      whole commands, timed in turns, and what the numbers come to
memory     what a command and its children hold
stages     where the time of our own build goes
serving    our own server beside nginx
verdict    the goals, and whether they are met
opened     those of opening an edition
page       the words of the page
__main__   measures everything and writes it
"""
