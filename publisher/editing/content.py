"""From posts to what an edition is made of: every address absolute, nothing left to look up."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from publisher import letters, urls
from publisher.editorial.choice import compose_preheader, fill_subject
from publisher.model import (
    Channel,
    CorrectedPost,
    EditionContent,
    Edits,
    LetterPost,
    Link,
    SeriesLine,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from publisher.config import Config, Digest
    from publisher.model import Body, Catalog, Edition, Place, Post

AUDIENCE_RULE = (
    "confirmed subscribers of this digest, each without the series they left out "
    "and the posts they have"
)
COURSE_RULE = (
    "confirmed subscribers whose turn it is in a course of this series, each the first part "
    "they do not have"
)
_ADDRESS = re.compile(r'\b(href|src)="([^"]*)"')
_ANCHOR = re.compile(r"<a\b.*?</a>", re.DOTALL)
_IMAGE = re.compile(r"<img\b[^>]*>")
_ALT = re.compile(r'\balt="([^"]*)"')


def compose_content(
    config: Config,
    digest: Digest,
    edition: Edition,
    posts: Sequence[Post],
    catalog: Catalog,
    body_of: Callable[[Post], Body],
    *,
    dated_on: date,
    templates_sha256: str,
    edits: Edits | None = None,
    corrected: Sequence[Post] = (),
) -> EditionContent:
    """Compose an edition's content from its posts as they are now, and what staff changed of it."""
    site, number = config.site, edition.number or 0
    edits = edits or Edits()
    web_url = (
        "" if edition.is_course or edition.is_correction else _page_of(config, digest, number)
    )
    return EditionContent(
        digest=digest.name,
        number=number,
        rehearsal=edition.rehearsal,
        title=digest.title,
        dated_on=dated_on.isoformat(),
        subject=edits.subject
        or _subject(digest.subject, digest, posts, on=dated_on, number=number),
        discreet_subject=_subject(
            digest.discreet_subject, digest, posts, on=dated_on, number=number
        ),
        preheader=edits.preheader or compose_preheader(posts),
        intro=edits.intro,
        posts=tuple(
            _letter_post(
                post,
                catalog,
                site.url,
                body_of if digest.content == "full" else None,
                edition_url=web_url,
            )
            for post in posts
        ),
        site_name=site.name,
        site_url=site.url,
        language=site.language,
        author=site.author,
        accent=site.accent,
        notice=site.notice,
        crisis=site.crisis,
        postal_address=site.postal_address,
        web_url=web_url,
        audience_rule=COURSE_RULE if edition.is_course else AUDIENCE_RULE,
        templates_sha256=templates_sha256,
        corrected=tuple(_corrected(post, site.url) for post in corrected),
    )


def _corrected(post: Post, site_url: str) -> CorrectedPost:
    on_web = Channel.WEB in post.channels
    url = urls.absolute(site_url, urls.post_path(post.location)) if on_web else ""
    return CorrectedPost(post_id=post.id, title=post.title, url=url, text=post.correction)


def corrected_ids(content: EditionContent) -> tuple[str, ...]:
    """Return the ids of the posts that were corrected since readers got them."""
    return tuple(one.post_id for one in content.corrected)


def for_everybody(content: EditionContent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all posts of an edition, and all it can tell of others: the letter of most readers."""
    return tuple(post.post_id for post in content.posts), corrected_ids(content)


def _page_of(config: Config, digest: Digest, number: int) -> str:
    return urls.absolute(config.site.url, urls.edition_path(digest.name, number))


def _subject(
    template: str, digest: Digest, posts: Sequence[Post], *, on: date, number: int
) -> str:
    first = posts[0].title if posts else ""
    return fill_subject(
        template, title=digest.title, first=first, count=len(posts), on=on, number=number
    )


def _letter_post(
    post: Post,
    catalog: Catalog,
    site_url: str,
    body_of: Callable[[Post], Body] | None,
    *,
    edition_url: str,
) -> LetterPost:
    # A post that has no page of its own is read on the edition's; a course's has none either.
    on_web = Channel.WEB in post.channels
    place = catalog.place(post)
    page = urls.absolute(site_url, urls.post_path(post.location))
    url = page if on_web else edition_url or urls.absolute(site_url, f"/{post.series}/")
    full = letter_text(body_of(post), site_url, url) if body_of else ""
    return LetterPost(
        post_id=post.id,
        path=post.path,
        source_sha256=post.source_sha256,
        title=post.title,
        url=url,
        summary=post.summary,
        html=full,
        text=letters.plain_text(full) if full else "",
        words=post.words,
        series=post.series or "",
        series_title=place.series.title if place else "",
        series_url=urls.absolute(site_url, f"/{place.series.slug}/") if place else "",
        part=place.number if place else None,
        total=place.series.total if place else None,
        previous=_link(place.previous, site_url) if place else None,
        next=_link(place.next, site_url) if place else None,
        lines=_lines(place, site_url) if place else (),
        authors=tuple(author.name for author in post.authors),
        correction=post.correction,
        warnings=post.warnings,
    )


def _link(post: Post | None, site_url: str) -> Link | None:
    if post is None:
        return None
    return Link(title=post.title, url=urls.absolute(site_url, urls.post_path(post.location)))


def _lines(place: Place, site_url: str) -> tuple[SeriesLine, ...]:
    return tuple(
        SeriesLine(
            number=part.number,
            title=part.post.title if part.post else "",
            url=urls.absolute(site_url, urls.post_path(part.post.location)) if part.post else "",
            post_id=part.post.id if part.post else "",
        )
        for part in place.series.parts
        if not part.withdrawn
    )


def letter_text(body: Body, site_url: str, url: str) -> str:
    """Return a post's text for a letter: absolute addresses, pictures as their words and a link."""

    def absolute(match: re.Match[str]) -> str:
        name, target = match[1], match[2]
        if target.startswith("#"):
            target = url + target
        elif target.startswith("/"):
            target = site_url + target
        return f'{name}="{target}"'

    text = _describe_pictures(body.html, url)
    if body.notes:
        notes = "".join(f"<li>{note.html}</li>" for note in body.notes)
        text += f"<h2>References</h2><ol>{notes}</ol>"
    return _ADDRESS.sub(absolute, text)


def _describe_pictures(text: str, url: str) -> str:
    """Put words in the place of pictures: a letter loads nothing. No link stands in another."""
    bare = _ANCHOR.sub(lambda link: _IMAGE.sub(_picture_words, link[0]), text)
    return _IMAGE.sub(
        lambda image: f'<a href="{html.escape(url)}">{_picture_words(image)}</a>', bare
    )


def _picture_words(image: re.Match[str]) -> str:
    alt = _ALT.search(image[0])
    return f"Picture: {alt[1]}" if alt and alt[1] else "Picture"
