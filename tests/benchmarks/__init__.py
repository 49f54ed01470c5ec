"""Benchmarks: measured by ``make bench``, written down in ``docs/benchmarks.md``.

generate   the same posts as a site of ours and as a site of Hugo's
build      whole commands, timed in turns, and what the numbers come to
__main__   measures everything and writes the page
"""
