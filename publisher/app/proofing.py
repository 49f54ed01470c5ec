"""A text that is not saved yet: what is wrong in it, and how it would look wherever it appears.

It is judged as ``check`` would were it saved, and shown as if it were published now. Nothing is
written, and every link of a reader's own is inert.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from publisher import posts
from publisher.app.looking import SAMPLE_READER, show_letter
from publisher.app.opening import make_pages, template_paths
from publisher.editorial.catalog import decide_catalog
from publisher.errors import ContentError, NotFound, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.config import Digest
    from publisher.editing import Desk
    from publisher.editorial.catalog import Record, Sources
    from publisher.model import Body, Catalog, EditionContent, Letter, Post, Ruling
    from publisher.publishing import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A text as it would be, were it saved."""

    path: str
    problems: tuple[Problem, ...]
    """As ``check`` tells them, by line of the whole text; warnings among them."""
    body: Body
    """Its rendered text, sanitised, as far as it can be read."""
    body_line: int
    """The line of the whole text on which the Markdown begins."""
    post: Post | None
    """As if it were published now; None where it does not load."""
    ruling: Ruling | None
    """What would become of it, and why."""
    catalog: Catalog
    """The site as if it were published now."""
    shelf: Shelf

    def line_in_body(self, problem: Problem) -> int | None:
        """Return the line of the Markdown on which a problem stands; None above it, or nowhere."""
        line = problem.line or 0
        return line - self.body_line + 1 if line >= self.body_line else None


def proof_text(site: Site, path: str, data: bytes, *, now: datetime) -> Proof:
    """Return the proof of a text for a post's path; the post need not be there yet.

    Raises ContentError only for what is no text.
    """
    from publisher.publishing import open_shelf  # noqa: PLC0415

    shelf = open_shelf(site.config, site.store, now=now)
    source = posts.Source(path=path, data=data, images=_images(site, shelf, path))
    known = {**shelf.library.known_paths(), path: posts.name_of(path).location}
    shown = posts.show(source, known_paths=known)
    series = posts.name_of(path).series
    try:
        post = posts.parse(
            source,
            site_id=site.config.site.id,
            zone=site.config.site.timezone,
            known_series=shelf.library.scan.folders | ({series} if series else set()),
            known_paths=known,
        )
    except ContentError as error:
        return Proof(
            path=path,
            problems=tuple(sorted(error.problems, key=_where)),
            body=shown.body,
            body_line=shown.body_line,
            post=None,
            ruling=None,
            catalog=shelf.catalog,
            shelf=shelf,
        )
    saved = _decide(shelf, _sources_with(shelf.sources, post), shelf.record, now=now)
    seen = _as_published(post, now=now)
    catalog = _decide(
        shelf, _sources_with(shelf.sources, seen), _with_approval(shelf.record, seen), now=now
    )
    proof = Proof(
        path=path,
        problems=(),
        body=posts.render(source, post, known_paths=known),
        body_line=shown.body_line,
        post=next((one for one in catalog.posts if one.id == seen.id), seen),
        ruling=next((one for one in saved.rulings if one.path == path), None),
        catalog=catalog,
        shelf=shelf,
    )
    return replace(proof, problems=tuple(_problems(site, proof, saved, data, now=now)))


def _images(site: Site, shelf: Shelf, path: str) -> Mapping[str, bytes]:
    found = next((one for one in shelf.library.scan.found if one.path == path), None)
    return posts.read(site.config.paths.posts, found).images if found else {}


def _sources_with(sources: Sources, post: Post) -> Sources:
    others = tuple(one for one in sources.posts if one.path != post.path)
    broken = {path: told for path, told in sources.broken.items() if path != post.path}
    return replace(sources, posts=(*others, post), broken=broken)


def _as_published(post: Post, *, now: datetime) -> Post:
    return replace(post, draft=False, withdrawn="", published_at=min(post.published_at, now))


def _with_approval(record: Record, post: Post) -> Record:
    pin = record.published.get(post.id)
    published = dict(record.published)
    if pin and pin.withdrawn:
        published[post.id] = replace(pin, withdrawn="")
    approved = record.approved | {(post.id, post.source_sha256)}
    return replace(record, published=published, approved=approved)


def _decide(shelf: Shelf, sources: Sources, record: Record, *, now: datetime) -> Catalog:
    def recall(post_id: str) -> Post | None:
        return shelf.library.recalled(post_id, record.published[post_id].path)

    return decide_catalog(sources, record, recall, now=now, review_required=shelf.review_required)


def _problems(
    site: Site, proof: Proof, saved: Catalog, data: bytes, *, now: datetime
) -> list[Problem]:
    """Return what ``check`` would tell of this post, and of nothing else that is as it was."""
    where = f"posts/{proof.path}"
    from publisher import editing  # noqa: PLC0415

    known = set(proof.shelf.catalog.problems)
    found = [one for one in saved.problems if one.path == where or one not in known]
    for digest in site.config.digests.values():
        try:
            # The whole text is looked through, whatever the digest brings of it.
            whole = replace(digest, content="full")
            desk, content, letter = _letter(site, proof, whole, data, now=now)
        except ContentError as error:
            found += error.problems
            continue
        found += [
            one for one in editing.inspect_letter(desk, content, letter) if one.path == where
        ]
    return sorted(dict.fromkeys(found), key=_where)


def _where(problem: Problem) -> tuple[int, str, str]:
    return problem.line or 0, problem.code, problem.as_text()


# ------------------------------------------------------------------------------------------ how it looks


def show_page(site: Site, proof: Proof) -> str:
    """Return the post's page as it would be; raises NotFound for a text that does not load."""
    post = _loaded(proof)
    return make_pages(site.config).post(post, proof.body, proof.catalog.place(post), proof.catalog)


def show_entry(site: Site, proof: Proof) -> tuple[bytes, str]:
    """Return an Atom feed of this post alone, and its entry's HTML as a reader shows it."""
    from publisher import feeds  # noqa: PLC0415
    from publisher.publishing.press import masthead_of  # noqa: PLC0415

    post = _loaded(proof)
    masthead, place = masthead_of(site.config), proof.catalog.place(post)
    body = proof.body if masthead.full else None
    listed = feeds.list_posts(proof.catalog, [post], masthead)
    feed = replace(feeds.site_feed(proof.catalog, masthead), entries=listed)
    atom = feeds.write(feed, "atom", lambda one: feeds.make_plates(one, body, place, masthead))
    return (
        atom,
        f"{listed[0].standing.line}\n{feeds.entry(post, body, place, masthead).html}".strip(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A letter of one post as its reader would get it."""

    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...]
    html_octets: int
    octets: int
    """Of the whole mail."""
    problems: tuple[Problem, ...] = ()
    """What a preflight finds in it, by line of ``html`` or of the post."""


def show_mail(site: Site, proof: Proof, digest: Digest, data: bytes, *, now: datetime) -> Seen:
    """Return a digest's letter with this post alone, to a sample reader; its links never verify.

    ``data`` is the text that was proofed.
    """
    from publisher import delivering, editing, subscribing, tokens  # noqa: PLC0415

    _loaded(proof)
    desk, content, letter = _letter(site, proof, digest, data, now=now)
    reader = delivering.Reader(
        address=subscribing.read_address(SAMPLE_READER),
        discreet=False,
        confirmed_at=now,
        token=tokens.inert("link"),
    )
    files, facts = show_letter(site, content, letter, reader, at=now)
    parsed = message_from_bytes(files["letter.eml"], policy=policy.default)
    octets = facts["html_octets"]
    return Seen(
        subject=str(facts["subject"]),
        html=files["letter.html"].decode(),
        text=files["letter.txt"].decode(),
        headers=tuple((name, str(value)) for name, value in parsed.items()),
        html_octets=octets if isinstance(octets, int) else 0,
        octets=len(files["letter.eml"]),
        problems=tuple(editing.inspect_letter(desk, content, letter)),
    )


def _letter(
    site: Site, proof: Proof, digest: Digest, data: bytes, *, now: datetime
) -> tuple[Desk, EditionContent, Letter]:
    from publisher import editing  # noqa: PLC0415
    from publisher.letters import Letters  # noqa: PLC0415

    post, shelf = _loaded(proof), proof.shelf
    desk = editing.Desk(
        config=site.config,
        store=site.store,
        letters=Letters(template_paths(site.config)),
        catalog=proof.catalog,
        body_of=lambda one: proof.body if one.id == post.id else shelf.body(one),
        source_of=lambda one: (
            data.decode("utf-8", "replace") if one.id == post.id else shelf.source(one)
        ),
    )
    content = editing.preview(desk, digest, at=now, only=[post])
    return desk, content, desk.letters.render(content, [post.id])


def _loaded(proof: Proof) -> Post:
    if proof.post is None:
        raise NotFound(
            Problem(
                code="proof.broken",
                path=f"posts/{proof.path}",
                expected="a text that loads",
                got=f"{len(proof.problems)} mistakes in it",
                hint="Mend them first; they are told beside the text.",
            )
        )
    return proof.post
