"""Making the files of the public site, on as many processors as there are.

First every post that is wanted, once: its page, and its entry for the feeds. Then all else, which
joins what the first pass left. A large build is shared with a second process by ``fork``: what was
read is there in both, and each writes files of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from publisher import site
from publisher.publishing.crew import Door, share

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
        with site.batch(press.config.paths.output) as files:
            for post in some:
                if post.id in carried:
                    press.set_plates(post)
                if post.id in pages and _write(files, pages[post.id]):
                    written.append(pages[post.id].file)
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
    with site.batch(root, durable=True) as feeds, site.batch(root) as pages:
        return [
            output.file
            for output in outputs
            if (_write(feeds, output) if output.feed else _write_now(pages, output))
        ]


def _write(files: site.Batch, output: Output) -> bool:
    """Write a file aside; return whether its bytes changed."""
    return files.write(Path(output.file), output.make(), variants=output.variants)


def _write_now(files: site.Batch, output: Output) -> bool:
    """Write a file and let it take its place; return whether its bytes changed."""
    changed = _write(files, output)
    if changed:
        files.put_in_place()
    return changed
