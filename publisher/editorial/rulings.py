"""What becomes of each source, and of each published post that its file cannot show.

A source gets its ruling from its own words alone; what it may not share with others is for
``clashes``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from publisher.errors import Problem
from publisher.model import Post, PublishedPost, Ruling, SeriesInfo, Verdict, Withdrawal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

IDENTITY = "post.identity"
"""The code of the one problem that refuses: a published post's id would change."""

_STAYS = "it stays as last published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the files say: the posts that load, and what is wrong with the rest."""

    posts: tuple[Post, ...]
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """By path below ``posts/``; each has at least one problem."""
    infos: Mapping[str, SeriesInfo] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """What belongs to no single post: links out of the folder, a broken ``series.toml``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the store knows: pins by post id, every location ever public, approvals."""

    published: Mapping[str, PublishedPost] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    """Location → post id."""
    approved: frozenset[tuple[str, str]] = frozenset()
    """Pairs of post id and source SHA-256."""


@dataclass(slots=True, kw_only=True)
class Work:
    """A catalog while it is being decided."""

    record: Record
    recall: Callable[[str], Post | None]
    problems: list[Problem]
    unchanged: Mapping[str, Post]
    """By id, the posts whose file is still what was published: they need no recall."""
    shown: dict[str, Post] = field(default_factory=dict)
    """By id, what will be published."""
    recalled: set[str] = field(default_factory=set)
    withdrawals: dict[str, Withdrawal] = field(default_factory=dict)
    rulings: dict[str, Ruling] = field(default_factory=dict)
    """By path."""
    due_at: list[datetime] = field(default_factory=list)

    def pin(self, post: Post) -> PublishedPost | None:
        """Return what the store pins of a post."""
        return self.record.published.get(post.id)

    def is_as_published(self, post: Post) -> bool:
        """Whether a shown post is the one last published, from its file or from the store."""
        return post.id in self.recalled or post.id in self.unchanged

    def rule(self, post: Post, verdict: Verdict, reason: str) -> None:
        """Note what was decided about a post's file."""
        self.rulings[post.path] = Ruling(
            path=post.path, post_id=post.id, verdict=verdict, reason=reason, title=post.title
        )

    def rule_error(self, post: Post, reason: str) -> None:
        """Note that a post's file is not published, though a published post stays."""
        self.rule(post, Verdict.ERROR, f"{reason}; {_STAYS}" if self.pin(post) else reason)

    def blame(self, path: str, code: str, expected: str, got: str, hint: str) -> None:
        """Note what is wrong with a source."""
        self.problems.append(
            Problem(code=code, path=f"posts/{path}", expected=expected, got=got, hint=hint)
        )


def begin(sources: Sources, record: Record, recall: Callable[[str], Post | None]) -> Work:
    """Return the work before anything is decided."""
    unchanged = {
        post.id: post
        for post in sources.posts
        if (pin := record.published.get(post.id))
        and (pin.path, pin.location, pin.source_sha256)
        == (post.path, post.location, post.source_sha256)
    }
    return Work(record=record, recall=recall, problems=list(sources.problems), unchanged=unchanged)


# ------------------------------------------------------------------------------------- one source


def rule(post: Post, work: Work, *, now: datetime, review_required: bool) -> None:
    """Rule on a source that loads: show it, note it as withdrawn, or leave it out and say why."""
    pin = work.pin(post)
    verdict, reason = _judge(post, work.record, now=now, review_required=review_required)
    if verdict is Verdict.INCLUDED:
        work.shown[post.id] = post
    elif verdict is Verdict.WITHDRAWN:
        work.withdrawals[post.id] = _withdrawal(pin or post, reason)
    elif pin:
        reason = f"{reason}; {_STAYS}"
        _blame_unpublishing(post, pin, verdict, work)
    if verdict is Verdict.FUTURE:
        work.due_at.append(post.published_at)
    work.rule(post, verdict, reason)


def _judge(
    post: Post, record: Record, *, now: datetime, review_required: bool
) -> tuple[Verdict, str]:
    """Return what a source by itself comes to, and why."""
    pin = record.published.get(post.id)
    withdrawn = post.withdrawn or (pin.withdrawn if pin else "")
    approved = (post.id, post.source_sha256) in record.approved
    waits = bool(review_required or post.reviewer) and not approved
    unapproved = "this exact source has no approval"
    if withdrawn:
        return Verdict.WITHDRAWN, withdrawn
    if post.draft:
        return Verdict.DRAFT, "draft: true"
    if post.published_at > now:
        due = f"due {post.published_at:%Y-%m-%d %H:%M} UTC"
        return Verdict.FUTURE, f"{due}; {unapproved}" if waits else due
    if waits:
        return Verdict.UNREVIEWED, unapproved
    return Verdict.INCLUDED, "published"


def _withdrawal(where: Post | PublishedPost, reason: str) -> Withdrawal:
    """Note a withdrawal at the place that readers know: the published one where there is one."""
    return Withdrawal(
        post_id=where.id if isinstance(where, Post) else where.post_id,
        location=where.location,
        reason=reason,
        series=where.series,
        part=where.part,
    )


def _blame_unpublishing(post: Post, pin: PublishedPost, verdict: Verdict, work: Work) -> None:
    """Report a published post whose file would unpublish it; to await a review is no mistake."""
    if verdict is Verdict.DRAFT:
        work.blame(
            post.path,
            "post.draft",
            "a published post to stay published",
            "draft: true",
            f"It stays as last published. Remove draft, or run: publisher withdraw {pin.location}",
        )
    elif verdict is Verdict.FUTURE:
        work.blame(
            post.path,
            "post.date",
            "the date it was published with, or another in the past",
            f"{post.published_at:%Y-%m-%d %H:%M} UTC, in the future",
            "It stays as last published. Set the date back; use updated for a new one.",
        )


def rule_broken(
    broken: Mapping[str, tuple[Problem, ...]], absent: Iterable[PublishedPost], work: Work
) -> None:
    """Rule on the sources that do not load; ``absent`` are the published posts without one."""
    pins = {pin.path: pin for pin in absent}
    for path, problems in broken.items():
        work.problems.extend(problems)
        pin = pins.get(path)
        reason = f"it does not load: expected {problems[0].expected}; got {problems[0].got}"
        work.rulings[path] = Ruling(
            path=path,
            post_id=pin.post_id if pin else None,
            verdict=Verdict.ERROR,
            reason=f"{reason}; {_STAYS}" if pin else reason,
            title=pin.title if pin else "",
        )


# ---------------------------------------------------------------------- what was published before


def keep_published(work: Work) -> None:
    """Show every published post that its file does not show; note those taken back."""
    for pin in work.record.published.values():
        if pin.post_id in work.shown or pin.post_id in work.withdrawals:
            continue
        if pin.withdrawn:
            work.withdrawals[pin.post_id] = _withdrawal(pin, pin.withdrawn)
        else:
            show_last_good(pin, work)


def show_last_good(pin: PublishedPost, work: Work) -> None:
    """Show a post as it was last published, in its place: from its file where that is the same."""
    post = work.unchanged.get(pin.post_id)
    if post is None:
        post = work.recall(pin.post_id)
        if post is None:
            work.blame(
                pin.path,
                "post.lost",
                "a source that loads, in its file or in the store",
                "neither",
                "Restore the file from a backup.",
            )
            return
        work.recalled.add(pin.post_id)
    slug = pin.location.rpartition("/")[2]
    work.shown[pin.post_id] = replace(
        post, id=pin.post_id, series=pin.series, slug=slug, part=pin.part
    )


def report_missing(missing: Iterable[PublishedPost], found: set[str], work: Work) -> None:
    """Report the published posts whose file is gone; ``found`` are those told of already."""
    for pin in missing:
        if pin.post_id in work.shown and pin.post_id not in found:
            work.blame(
                pin.path,
                "post.gone",
                "the file of a published post",
                "no file with its id",
                "It stays as last published. Put it back, or run: "
                f"publisher withdraw {pin.location}",
            )


# ---------------------------------------------------------------------------------- changed ids


def refuse_changed_ids(
    posts: Iterable[Post], missing: Iterable[PublishedPost], work: Work
) -> set[str]:
    """Refuse posts that are missing ones under another id: readers would get them twice.

    Returns the ids of the missing posts so found.
    """
    known: dict[tuple[str, str], PublishedPost] = {}
    for pin in missing:
        for name in _names(pin):
            known.setdefault(name, pin)
    found = set()
    for post in posts:
        if work.pin(post) or work.rulings[post.path].verdict not in _COMES_OUT:
            continue
        same = next((known[name] for name in _names(post) if name in known), None)
        if same:
            found.add(same.post_id)
            work.shown.pop(post.id, None)
            work.rule_error(post, f"it is posts/{same.path} under another id")
            _blame_identity(post, same, work)
    return found


_COMES_OUT = frozenset({Verdict.INCLUDED, Verdict.FUTURE, Verdict.UNREVIEWED})


def _names(where: Post | PublishedPost) -> tuple[tuple[str, str], ...]:
    """Return what a post is known by, the surest first."""
    location = where.location
    return ("address", location), ("slug", location.rpartition("/")[2]), ("title", where.title)


def _blame_identity(post: Post, pin: PublishedPost, work: Work) -> None:
    folder, _, slug = pin.location.rpartition("/")
    alias = slug if folder == (post.series or "") else f"/{pin.location}"
    kept = work.shown.get(pin.post_id)
    written_id = (kept.raw_id if kept else "") or pin.post_id
    # The alias alone gives the id only where the post was never moved before.
    work.blame(
        post.path,
        IDENTITY,
        f"the id of the published post posts/{pin.path}: {written_id}",
        f"{post.id}, so every reader would get it again",
        f"Add to its front matter:  id: {written_id}  and  aliases: [{alias}]  "
        f"(if it is another post, first run: publisher withdraw {pin.location})",
    )
