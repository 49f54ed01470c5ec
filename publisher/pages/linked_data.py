"""What search engines read of a post: schema.org in JSON-LD, the one script element of a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.model import Author, Place, Post, Reference

# No value can end the script element or begin a comment in it, whatever it holds.
_SAFE = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def describe_article(
    post: Post,
    place: Place | None,
    *,
    url: str,
    site_url: str,
    image: str,
    language: str,
    publisher: Mapping[str, Any],
    published: str,
    modified: str,
) -> Markup:
    """Return a post as a schema.org Article, safe inside ``<script type="application/ld+json">``.

    ``publisher`` is an Organization, and stands for the author where the post names none; addresses
    are absolute, times are ISO 8601.
    """
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Article",
        "headline": post.title,
        "description": post.summary,
        "datePublished": published,
        "dateModified": modified,
        "author": [_author(author, publisher) for author in post.authors] or publisher,
        "publisher": publisher,
        "mainEntityOfPage": _page(post, url),
        "inLanguage": language,
        "wordCount": post.words,
    }
    if image:
        data["image"] = image
    if place:
        data["isPartOf"] = {
            "@type": "CreativeWorkSeries",
            "name": place.series.title,
            "url": f"{site_url}/{place.series.slug}/",
        }
        data["position"] = place.number
    if post.references:
        data["citation"] = [_citation(reference) for reference in post.references]
    return to_script(data)


def to_script(data: Mapping[str, Any]) -> Markup:
    """Return the data as JSON that cannot leave its script element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.translate(_SAFE))  # noqa: S704 - the line above is why


def _page(post: Post, url: str) -> dict[str, Any] | str:
    """Return the post's page; schema.org lets a page be reviewed, not an Article."""
    if not post.reviewer:
        return url
    reviewer = {"@type": "Person", "name": post.reviewer}
    return {"@type": "WebPage", "@id": url, "url": url, "reviewedBy": reviewer}


def _author(author: Author, publisher: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a person, or the publisher where the post is signed with its name."""
    if author.name == publisher["name"]:
        return publisher
    person = {"@type": "Person", "name": author.name}
    if author.credentials:
        person["honorificSuffix"] = author.credentials
    if author.url:
        person["url"] = author.url
    return person


def _citation(reference: Reference) -> dict[str, str]:
    citation = {"@type": "CreativeWork", "name": reference.text}
    if reference.url:
        citation["url"] = reference.url
    return citation
