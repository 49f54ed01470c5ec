"""Bytes to a Post, with every problem of the file; and a Post's text to its Body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from publisher import urls
from publisher.errors import ContentError, Problem
from publisher.model import Author, Body, Channel, Image, Post, Reference
from publisher.posts.body import Examined, Frame, begin, count_words, examine, make, make_all, tell
from publisher.posts.fields import PostFields, check_post, describe, suggest
from publisher.posts.files import Name, name_of
from publisher.posts.frontmatter import FrontMatter, Mark, Parts, load, split
from publisher.posts.markdown import TooDeep
from publisher.posts.text import decode, empty_lines, is_clean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from publisher.posts.files import Source
    from publisher.posts.frontmatter import Loc

_T = TypeVar("_T")
_Ps = ParamSpec("_Ps")

_EVERYWHERE = frozenset(Channel)
# Markdown must read a key as plain words, or it could not be cited.
_KEY = re.compile(r"[A-Za-z0-9]+(?:[_:.+/-][A-Za-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A source taken apart, and what its front matter says."""

    where: str
    images: Mapping[str, bytes]
    front: FrontMatter

    def problem(self, loc: Loc, expected: str, got: str, hint: str = "") -> Problem:
        return Problem(
            code=f"post.{loc[0]}",
            path=self.where,
            line=self.front.mark(loc).line,
            expected=expected,
            got=got,
            hint=hint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A source with its front matter read, and its text still to be."""

    source: Source
    where: str
    parts: Parts
    front: FrontMatter
    fields: PostFields | None
    name: Name
    frame: Frame
    problems: tuple[Problem, ...]


def parse(
    source: Source,
    *,
    site_id: str,
    zone: str,
    require_alt: bool = True,
    known_series: Collection[str] | None = None,
    known_paths: Mapping[str, str] | None = None,
    shown: str = "posts",
) -> Post:
    """Return the post that a source says; raises ContentError with all that is wrong in it.

    ``zone`` is the site's IANA zone. ``known_series`` (the series there are) and ``known_paths``
    (location by source path) let a loose post's series and links between posts be checked; where
    they are nothing, both are believed. ``shown`` is the folder's name in problems.
    """
    given = Given(
        site_id=site_id,
        zone=zone,
        require_alt=require_alt,
        known_series=known_series,
        known_paths=known_paths,
        shown=shown,
    )
    post = parse_all([source], given)[0]
    if isinstance(post, ContentError):
        raise post
    return post


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What sources are judged by; the words are those of ``parse``."""

    site_id: str
    zone: str
    require_alt: bool = True
    known_series: Collection[str] | None = None
    known_paths: Mapping[str, str] | None = None
    shown: str = "posts"


def parse_all(sources: Iterable[Source], given: Given) -> list[Post | ContentError]:
    """Return what ``parse`` would return of each source, or raise.

    One kind of work is done after the other, which takes a seventh less time: a processor keeps
    only so much code at hand.
    """
    opened = [_or_error(_open, source, given) for source in sources]
    whole = [one for one in opened if isinstance(one, _Opened)]
    examined = [examine(one.parts.body, one.frame) for one in whole]
    posts = (
        _or_error(_finish, one, text, given.site_id)
        for one, text in zip(whole, examined, strict=True)
    )
    return [one if isinstance(one, ContentError) else next(posts) for one in opened]


def _or_error(step: Callable[_Ps, _T], *args: _Ps.args, **kwargs: _Ps.kwargs) -> _T | ContentError:
    try:
        return step(*args, **kwargs)
    except ContentError as error:
        return error


def _open(source: Source, given: Given) -> _Opened:
    where = f"{given.shown}/{source.path}"
    parts = split(decode(source.data, where), where)
    front, fields, problems = _front_matter(parts.front, given.zone, where)
    name = _name(source.path, fields)
    if fields:
        file = _File(where=where, images=source.images, front=front)
        problems += _misfits(fields, name, file, given.known_series)
    frame = Frame(
        path=source.path,
        location=name.location,
        images=source.images,
        references=_references(fields, front),
        known_paths=given.known_paths,
        requires_alt=given.require_alt,
    )
    return _Opened(
        source=source,
        where=where,
        parts=parts,
        front=front,
        fields=fields,
        name=name,
        frame=frame,
        problems=tuple(problems),
    )


def _finish(one: _Opened, examined: Examined, site_id: str) -> Post:
    faults = examined.faults
    if not one.front.values:  # then every citation would look wrong
        faults = tuple(fault for fault in faults if fault.code != "post.citation")
    problems = [
        *one.problems,
        *tell(faults, one.parts.body, one.where, one.parts.body_line),
    ]
    if problems or one.fields is None:
        raise ContentError(*sorted(problems, key=lambda one: one.line or 0))
    return _post(one.source, one.fields, one.name, examined.html, site_id, one.frame, one.front)


def render(source: Source, post: Post, *, known_paths: Mapping[str, str] | None = None) -> Body:
    """Return the text of a post that ``parse`` made of this source.

    ``known_paths`` is the location of every post by source path; a link to a post that is in
    none of them goes where its file name says.
    """
    return render_all([(source, post)], known_paths=known_paths)[0]


def render_all(
    sources: Iterable[tuple[Source, Post]], *, known_paths: Mapping[str, str] | None = None
) -> list[Body]:
    """Return the texts of several posts as ``render`` does, in less time."""
    return make_all(
        [
            (
                split(decode(source.data, post.path), post.path).body,
                Frame(
                    path=post.path,
                    location=post.location,
                    images=source.images,
                    references={one.key: one for one in post.references},
                    known_paths=known_paths,
                    requires_alt=False,
                ),
            )
            for source, post in sources
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A source as it reads while it is being written, right or wrong."""

    body: Body
    body_line: int
    """The line of the file on which the Markdown begins, after empty ones."""


def show(source: Source, *, known_paths: Mapping[str, str] | None = None) -> Shown:
    """Return the text of a source as far as it can be read, whatever is wrong in it.

    Raises ContentError only for what is no text.
    """
    text = decode(source.data, source.path)
    try:
        parts = split(text, source.path)
    except ContentError:
        parts = Parts(front="", body=text, body_line=1)
    front, fields, _ = _front_matter(parts.front, "UTC", source.path)
    frame = Frame(
        path=source.path,
        location=_name(source.path, fields).location,
        images=source.images,
        references=_references(fields, front),
        known_paths=known_paths,
        requires_alt=False,
    )
    try:
        body = make(parts.body, frame)
    except TooDeep:
        body = Body(html="")
    above = parts.body.count("\n", 0, empty_lines(parts.body))
    return Shown(body=body, body_line=parts.body_line + above)


def _front_matter(
    text: str, zone: str, where: str
) -> tuple[FrontMatter, PostFields | None, list[Problem]]:
    try:
        front = load(text, where)
    except ContentError as error:
        return FrontMatter(values={}, marks={(): Mark(line=1)}), None, list(error.problems)
    fields, problems = check_post(front, zone, where)
    return front, fields, [*front.problems, *problems]


# ------------------------------------------------------------------------------------ the post


def _name(path: str, fields: PostFields | None) -> Name:
    """Return what the file's name says, corrected by the front matter."""
    name = name_of(path)
    if not fields:
        return name
    if name.series is None and fields.series:
        name = name_of(f"{fields.series}/{path}")
    return Name(series=name.series, slug=fields.slug or name.slug, part=fields.part or name.part)


def _references(fields: PostFields | None, front: FrontMatter) -> dict[str, Reference]:
    """Return the references; where they have mistakes, at least the keys that are cited."""
    if fields and fields.references:
        return {
            key: Reference(key=key, text=one.text, url=one.doi or one.url)
            for key, one in fields.references.items()
        }
    written = front.values.get("references")
    keys = written if isinstance(written, dict) else ()
    return {key: Reference(key=key, text="") for key in keys}


def _post(
    source: Source,
    fields: PostFields,
    name: Name,
    html: str,
    site_id: str,
    frame: Frame,
    front: FrontMatter,
) -> Post:
    aliases = [urls.alias_location(alias, name.series) for alias in fields.aliases]
    post_id, raw_id = _identity(fields.id or "", site_id, [*aliases, name.location][0])
    return Post(
        id=post_id,
        raw_id=raw_id,
        path=source.path,
        series=name.series,
        slug=name.slug,
        title=fields.title,
        published_at=fields.date,
        updated_at=fields.updated,
        summary=fields.summary or begin(html) or fields.title,
        correction=fields.correction,
        authors=tuple(
            Author(name=one.name, credentials=one.credentials, url=one.url)
            for one in fields.authors
        ),
        reviewer=fields.reviewer,
        review_due=fields.review_due,
        part=name.part if name.series else None,
        aliases=tuple(dict.fromkeys(aliases)),
        tags=_tags(fields),
        image=_image(fields),
        warnings=tuple(fields.warnings),
        channels=_EVERYWHERE if fields.channels is None else frozenset(fields.channels),
        canonical_url=fields.canonical_url,
        references=tuple(frame.references.values()),
        draft=fields.draft,
        withdrawn=fields.withdrawn,
        extra={key: front.mark((key,)).raw for key in front.values if key.startswith("x-")},
        files=tuple(sorted(source.images)),
        words=count_words(html),
        source_sha256=source_sha256(source),
    )


def _identity(written: str, site_id: str, first_location: str) -> tuple[str, str]:
    """Return the id, and what was written for one where that is no absolute IRI."""
    if urls.is_iri(written):
        return written, ""
    return urls.post_id(site_id, written or first_location), written


def _tags(fields: PostFields) -> tuple[str, ...]:
    """Return the tags, of two with one address the first."""
    tags: dict[str, str] = {}
    for tag in fields.tags:
        tags.setdefault(urls.tag_slug(tag), tag)
    return tuple(tags.values())


def _image(fields: PostFields) -> Image | None:
    one = fields.image
    return Image(src=one.src, alt=one.alt, credit=one.credit) if one else None


def source_sha256(source: Source) -> str:
    """Return the digest of a source and its images: what a review approves.

    Each name and each content is preceded by its length, so that no two bundles look alike.
    """
    digest = sha256()
    for piece in (
        source.data,
        *(x for name in sorted(source.images) for x in (name.encode(), source.images[name])),
    ):
        digest.update(len(piece).to_bytes(8, "big"))
        digest.update(piece)
    return digest.hexdigest()


# ---------------------------------------------------------------- what fits none of its keys


def _misfits(
    fields: PostFields, name: Name, file: _File, known_series: Collection[str] | None
) -> Iterator[Problem]:
    """Tell what is wrong though each key by itself is right."""
    yield from _misplaced(fields, name, file, known_series)
    yield from _misnumbered(fields, name, file)
    yield from _misnamed(fields, name, file)
    yield from _unusable_keys(fields, file)
    src = fields.image.src if fields.image else ""
    if src and src not in file.images and not src.lower().startswith("https://"):
        near = suggest(src, file.images)
        hint = f"Did you mean {near}?" if near else "Put it beside index.md, in the post's folder."
        yield file.problem(
            ("image", "src"), "an image in the post's folder, or https://…", f'"{src}"', hint
        )
    if fields.correction and not fields.updated:
        hint = "Add  updated:  with the date of the correction."
        yield file.problem(("correction",), "updated beside correction", "no updated", hint)


def _misplaced(
    fields: PostFields, name: Name, file: _File, known_series: Collection[str] | None
) -> Iterator[Problem]:
    series = fields.series
    if not series:
        return
    if series != name.series:
        hint = f"Remove the key, or move the file to the folder {series}."
        yield file.problem(("series",), f"{name.series}, the file's folder", f'"{series}"', hint)
    elif known_series is not None and series not in known_series:
        near = suggest(series, known_series)
        hint = f"Did you mean {near}?" if near else f"Make the folder {series} first."
        yield file.problem(("series",), "a series that there is", f'"{series}"', hint)
    elif series in urls.RESERVED:
        hint = "The site serves something else there. Choose another."
        yield file.problem(("series",), "an address that is not the site's own", series, hint)


def _misnumbered(fields: PostFields, name: Name, file: _File) -> Iterator[Problem]:
    if fields.part and not name.series:
        hint = "Move the file to the folder of a series, or remove the key."
        yield file.problem(("part",), "a part only in a series", f"part {fields.part}", hint)
    elif name.part == 0:
        hint = "Rename the file so that it begins with 01."
        yield file.problem(("part",), "a part from 1", "part 0, by the file's name", hint)


def _misnamed(fields: PostFields, name: Name, file: _File) -> Iterator[Problem]:
    own = urls.RESERVED_IN_SERIES if name.series else urls.RESERVED
    if name.slug in own:
        hint = "The site serves something else there. Choose another."
        yield file.problem(("slug",), "an address that is not the site's own", name.slug, hint)
    elif not urls.is_slug(name.slug):
        hint = f"Rename the file, or write  slug: {urls.slug_of(name.slug) or 'a-slug'}"
        yield file.problem(("slug",), "a name of a to z, digits and hyphens", name.slug, hint)
    for number, alias in enumerate(fields.aliases):
        location = urls.alias_location(alias, name.series)
        if not location or urls.is_reserved(location):
            hint = "Write the old slug, or the old path from the root, such as /series/slug."
            yield file.problem(("aliases", number), "an earlier address", f'"{alias}"', hint)


def _unusable_keys(fields: PostFields, file: _File) -> Iterator[Problem]:
    for key in fields.references:
        if not _KEY.match(key):
            hint = "Letters and digits, with single _ : . + / - between them."
            yield file.problem(("references", key), "a key that can be cited", f'"{key}"', hint)
    for key, value in file.front.values.items():
        raw = file.front.mark((key,)).raw
        if key.startswith("x-") and (isinstance(value, (list, dict)) or not is_clean(raw)):
            yield file.problem((key,), "one value", describe(value), "A key of yours holds text.")
