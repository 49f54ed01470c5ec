"""Making the files of the public site, on as many processors as there are.

First every post that is wanted, once: its page, and its entry for the feeds. Then all else, which
joins what the first pass left. A large build is shared with a second process by ``fork``: what was
read is there in both, and each writes files of its own.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from publisher import site
from publisher.publishing.crew import Door, share
from publisher.publishing.library import AT_HAND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from publisher.model import Post
    from publisher.publishing.galley import Spots
    from publisher.publishing.press import Output, Press


def make_outputs(press: Press, outputs: Sequence[Output], pin: Callable[[], None]) -> list[str]:
    """Make these files; return those whose bytes changed.

    ``pin`` records what is about to be public: it is done before any of it is.
    """
    pages = {output.page_of.id: output for output in outputs if output.page_of}
    carried = {post.id: post for output in outputs for post in output.carries}
    posts = [output.page_of for output in outputs if output.page_of]
    posts += [post for post_id, post in carried.items() if post_id not in pages]
    # A copy of this process has no connection to the store.
    here = [post for post in posts if press.is_recalled(post)]
    anywhere = [post for post in posts if not press.is_recalled(post)]

    def make_posts(some: Iterable[Post]) -> tuple[list[str], Spots]:
        before = set(press.galley.spots())
        written = []
        waiting = iter(some)
        with site.batch(press.config.paths.output) as files:
            # One kind of work after the other: a processor keeps only so much code at hand.
            while group := list(islice(waiting, AT_HAND)):
                press.set_plates([post for post in group if post.id in carried])
                shown = [pages[post.id] for post in group if post.id in pages]
                made = [(output, output.make()) for output in shown]
                written += [output.file for output, data in made if _write(files, output, data)]
                if pinned.is_open():
                    files.put_in_place()
            pinned.wait()
        spots = press.galley.spots()
        return written, {post_id: spots[post_id] for post_id in spots if post_id not in before}

    def pin_first() -> None:
        pin()
        pinned.open()

    with Door() as pinned:
        made = share(make_posts, anywhere, start=press.galley.write_file, first=pin_first)
        for _, spots in made:
            press.galley.learn(spots)
        written = [file for changed, _ in (*made, make_posts(here)) for file in changed]
    written += _write_all(press, [output for output in outputs if output.from_store])
    rest = [output for output in outputs if not (output.page_of or output.from_store)]
    for changed in share(lambda some: _write_all(press, some), rest):
        written += changed
    return written


def _write_all(press: Press, outputs: Iterable[Output]) -> list[str]:
    """Write pages and assets as they come, and the feeds together at the end, safe on the disk."""
    root = press.config.paths.output
    written = []
    with site.batch(root, durable=True) as feeds, site.batch(root) as pages:
        for output in outputs:
            if _write(feeds if output.feed else pages, output, output.make()):
                written.append(output.file)
                pages.put_in_place()
    return written


def _write(files: site.Batch, output: Output, data: bytes) -> bool:
    """Write a file aside; return whether its bytes changed."""
    return files.write(Path(output.file), data, variants=output.variants)
