"""What an edition says before and inside its letter: subject, preheader, and words left over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from publisher.preflight import words
from publisher.preflight.facts import blocking, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.errors import Problem
    from publisher.model import EditionContent, LetterPost
    from publisher.preflight.facts import Facts

LONGEST_SUBJECT = 60
"""Characters that a mail program shows of a subject on a wide screen."""
LONGEST_PREHEADER = 130

_QUIETER = {
    "subject": 'Set  subject = "{title}, {date}"  or name discreet mail where people subscribe.',
    "preheader": "It tells what the posts are called; discreet mail has none.",
}

_CODE = re.compile(r"<(code|pre|kbd|samp)\b[^>]*>.*?</\1>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def look_at_wording(content: EditionContent, facts: Facts) -> Iterator[Problem]:
    """Yield what is wrong with the words of an edition."""
    yield from _look_at_subject(content)
    yield from _look_at_preheader(content)
    yield from _look_at_privacy(content, facts)
    yield from _look_at_address(content, facts)
    yield from _look_for_leftovers(content, facts)
    for post in content.posts:
        yield from _look_for_citations(post, facts)


def _key(content: EditionContent, name: str) -> str:
    return f"digests.{content.digest}.{name}"


def _look_at_subject(content: EditionContent) -> Iterator[Problem]:
    path, subject = _key(content, "subject"), content.subject.strip()
    if not subject:
        yield blocking("subject", path, "a subject", "none", "Write one that says what is inside.")
    if len(subject) > LONGEST_SUBJECT:
        yield warning(
            "subject_length",
            path,
            f"at most {LONGEST_SUBJECT} characters",
            f"{len(subject)}: {subject}",
            "Mail programs cut it off. Shorten the subject, or the title that it quotes.",
        )
    for where, text in (("subject", subject), ("preheader", content.preheader)):
        if loud := words.loud_word(text):
            yield warning(
                "loud",
                _key(content, where) if where == "subject" else path,
                f"a {where} in a calm voice",
                f"“{loud}” in: {text}",
                "Filters and readers take it for advertising. Say what is inside.",
            )


def _look_at_preheader(content: EditionContent) -> Iterator[Problem]:
    path, preheader = _key(content, "subject"), " ".join(content.preheader.split())
    if not preheader:
        yield warning(
            "preheader",
            path,
            "a preheader, shown beside the subject",
            "none",
            "Give the first post a summary; it stands there.",
        )
    elif preheader.casefold() == " ".join(content.subject.split()).casefold():
        yield warning(
            "preheader",
            path,
            "a preheader that adds to the subject",
            f"the subject again: {preheader}",
            "Let the subject or the summary say something else.",
        )
    elif len(preheader) > LONGEST_PREHEADER:
        yield warning(
            "preheader",
            path,
            f"a preheader of at most {LONGEST_PREHEADER} characters",
            f"{len(preheader)}",
            "Mail programs cut it off. Shorten it.",
        )


def _look_at_privacy(content: EditionContent, facts: Facts) -> Iterator[Problem]:
    """A lock screen shows subject and preheader to whoever is near (a discreet one must not)."""
    for where, text in (("subject", content.subject), ("preheader", content.preheader)):
        if word := words.health_word(text):
            yield warning(
                "health_word",
                _key(content, "subject"),
                f"a {where} that names no condition and no medicine",
                f"“{word}” in: {text}",
                f"It shows on a locked phone. {_QUIETER[where]}",
            )
    if word := words.health_word(content.discreet_subject):
        yield blocking(
            "discreet_subject",
            _key(content, "discreet_subject"),
            "a discreet subject that names no condition and no medicine",
            f"“{word}” in: {content.discreet_subject}",
            'Write one that is neutral, such as "Your weekly reading".',
        )
    if word := words.telling_name(facts.discreet_sender):
        yield warning(
            "discreet_sender",
            _key(content, "discreet_from"),
            "a sender that does not say what the letters are about",
            f"“{word}” in: {facts.discreet_sender}",
            "Readers who asked for discreet mail see it. Set discreet_from to a neutral name.",
        )


def _look_at_address(content: EditionContent, facts: Facts) -> Iterator[Problem]:
    if facts.live and not content.postal_address.strip():
        yield blocking(
            "postal_address",
            "site.postal_address",
            "a postal address at the end of every letter",
            "none",
            "The law asks for one (16 CFR 316). Set  [site] postal_address",
        )


def _given(content: EditionContent) -> Iterator[tuple[str, str]]:
    """Yield every text that a person or a template gave, without code, and where it stands."""
    for post in content.posts:
        yield _path(post), f"{post.title} {post.series_title} {post.correction} {_said(post)}"
    yield _key(content, "subject"), content.subject
    yield _key(content, "subject"), content.preheader
    yield _key(content, "discreet_subject"), content.discreet_subject
    yield content.digest, content.intro
    yield "site", f"{content.notice} {content.crisis} {content.postal_address}"


def _path(post: LetterPost) -> str:
    return f"posts/{post.path}"


def _said(post: LetterPost) -> str:
    """Return what a letter prints of a post as one text, without code."""
    return _TAG.sub(" ", _CODE.sub(" ", post.html)) if post.html else post.summary


def _look_for_leftovers(content: EditionContent, facts: Facts) -> Iterator[Problem]:
    told: set[str] = set()
    for path, text in _given(content):
        for found, find in ((words.left_over(text), blocking), (words.unsure(text), warning)):
            # Subject and preheader quote posts: what stands in a post is told there.
            if found and (path.startswith("posts/") or found not in told):
                told.add(found)
                yield find(
                    "left_over",
                    path,
                    "a finished text",
                    f"“{found}”",
                    "Write what belongs there. In a post, code between backticks is let be.",
                    line=facts.line_of(path.removeprefix("posts/"), found),
                )


def _look_for_citations(post: LetterPost, facts: Facts) -> Iterator[Problem]:
    if found := words.uncited(_said(post)):
        yield blocking(
            "citation",
            _path(post),
            "every note and source resolved",
            f"“{found}”",
            "Add the note, or the key to references in the front matter.",
            line=facts.line_of(post.path, found),
        )
