"""Reviews: asking, approving this exact text, asking for changes; any later edit voids an approval.

Four eyes: nobody approves a text they wrote. Who wrote it is told by ``editorial.reviewing.writers``:
who saved exactly this text here, and who asked for its review; of a text that came by another way,
who last saved the post here.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from publisher import posts
from publisher.editorial import reviewing
from publisher.editorial.comparing import compare
from publisher.errors import NotFound, Problem, Refused
from publisher.model import ReviewAnswer, ReviewState
from publisher.store import comments, reviews
from publisher.store import posts as pins
from publisher.writing.folder import find

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import date, datetime

    from publisher.config import Config
    from publisher.editorial.comparing import Difference
    from publisher.model import Approval, Comment, Post, ReviewRequest
    from publisher.store import Store, Transaction

_SETTLED = frozenset({ReviewState.APPROVED, ReviewState.FREE})

LINK_HOURS = 72
"""How long the link in a reviewer's mail works, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """A post and the very bytes it says itself with."""

    post: Post
    source: posts.Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How a post's present text stands, and all that was said of it."""

    post: Post
    state: ReviewState
    needs_review: bool
    """Whether it is published nowhere before an approval."""
    writers: tuple[str, ...]
    """Who may not approve it where four eyes are asked for."""
    requests: tuple[ReviewRequest, ...]
    approvals: tuple[Approval, ...]
    history: tuple[tuple[datetime, str, str, str], ...]
    """When, who, what, and more of it."""
    comments: tuple[Comment, ...]
    """What was said of single paragraphs, oldest first, settled ones too."""
    difference: Difference | None = None
    """From the text that was approved last to the present one; None where none was."""
    changes_since: str = ""
    """The approved text since which so little changed that the changes may be approved alone."""

    @property
    def open_comments(self) -> int:
        """How many comments nobody marked as settled."""
        return sum(one.is_open for one in self.comments)


def read_exact(config: Config, path: str) -> Exact:
    """Return a post with its exact source; raises NotFound, ContentError."""
    source = posts.read(config.paths.posts, find(config, path))
    post = posts.parse(source, site_id=config.site.id, zone=config.site.timezone)
    return Exact(post=post, source=source)


def look(config: Config, store: Store, path: str) -> Review:
    """Return how a post's present text stands; raises NotFound, ContentError."""
    exact = read_exact(config, path)
    post, needs_review = exact.post, _needs_review(config, exact.post)
    with store.read() as tx:
        approvals = reviews.read_approvals(tx, post.id)
        requests = reviews.read_requests(tx, post.id)
        wrote = _writers(tx, post)
        history = reviews.read_history(tx, post.id)
        said = comments.read_all(tx, post.id)
        before = _approved_text(tx, post, approvals)
    approved = {one.source_sha256 for one in approvals}
    state = reviewing.judge_state(
        post.source_sha256, approved, requests, needs_review=needs_review
    )
    now_there = _readable(exact.source.data)
    return Review(
        post=post,
        state=state,
        needs_review=needs_review,
        writers=wrote,
        requests=tuple(requests),
        approvals=tuple(approvals),
        history=tuple(history),
        comments=tuple(said),
        difference=None if before is None else compare(_readable(before), now_there),
        changes_since="" if state in _SETTLED else _changes_since(config, exact, approvals),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A post whose present text waits for somebody."""

    post: Post
    state: ReviewState
    asked: tuple[ReviewRequest, ...]
    """The requests that are open."""
    open_comments: int = 0


def list_waiting(config: Config, store: Store, those: Sequence[Post]) -> list[Waiting]:
    """Return the posts whose present text is to be reviewed, or mended after a review.

    A draft waits for nobody.
    """
    with store.read() as tx:
        pairs = pins.load_record(tx).approved
        everything = reviews.read_requests(tx)
        said = comments.count_open(tx)
    approved, asked = defaultdict(set), defaultdict(list)
    for post_id, digest in pairs:
        approved[post_id].add(digest)
    for one in everything:
        asked[one.post_id].append(one)
    found = []
    for post in those:
        needs_review = _needs_review(config, post)
        state = reviewing.judge_state(
            post.source_sha256, approved[post.id], asked[post.id], needs_review=needs_review
        )
        if state not in _SETTLED and not post.draft and not post.withdrawn:
            still = tuple(one for one in asked[post.id] if one.answer is None)
            count = said.get(post.id, 0)
            found.append(Waiting(post=post, state=state, asked=still, open_comments=count))
    return found


def _approved_text(tx: Transaction, post: Post, approvals: list[Approval]) -> bytes | None:
    """Return the text that was approved last; what was published last where it was not kept."""
    kept = [one.data for one in approvals if one.data is not None]
    if kept:
        return kept[-1]
    published = pins.last_good(tx, post.id) if approvals else None
    return published[0] if published else None


def _changes_since(config: Config, exact: Exact, approvals: Sequence[Approval]) -> str:
    """Return the approved text since which only a little of the text and no image changed, or ""."""
    whole = reviewing.find_whole(approvals)
    if whole is None or whole.data is None or approvals[-1].data is None:
        return ""
    before = replace(exact.source, data=whole.data)
    if posts.source_sha256(before) != whole.source_sha256:
        return ""
    changed = compare(_readable(whole.data), _readable(exact.source.data)).changed
    may = reviewing.may_approve_changes(whole, config.review.checklist, changed=changed)
    return approvals[-1].source_sha256 if may else ""


def _needs_review(config: Config, post: Post) -> bool:
    return bool(config.review.required or post.reviewer)


def _writers(tx: Transaction, post: Post) -> tuple[str, ...]:
    return reviewing.writers(
        post.source_sha256,
        reviews.read_saves(tx, post.path),
        reviews.read_requests(tx, post.id),
    )


def _readable(data: bytes) -> str:
    text = data.decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


# -------------------------------------------------------------------------------------------- asking


def ask_review(
    config: Config,
    store: Store,
    path: str,
    *,
    reviewer: str,
    by: str,
    now: datetime,
    note: str = "",
    due_on: date | None = None,
) -> int:
    """Ask a person to review a post as it is now; return the request's id.

    Raises Refused for a draft: taking ``draft: true`` away later would void the approval.
    """
    post = read_exact(config, path).post
    if not reviewer.strip():
        raise Refused(_nobody(path))
    if post.draft:
        raise Refused(_still_draft(post, is_held=_needs_review(config, post)))
    with store.write() as tx:
        made = reviews.ask(
            tx,
            post_id=post.id,
            path=post.path,
            source_sha256=post.source_sha256,
            asked_by=by,
            reviewer=reviewer.strip(),
            note=note,
            due_on=due_on,
            now=now,
        )
        reviews.note(tx, post.id, "asked", by=by, now=now, detail=reviewer.strip())
    return made


def open_requests(store: Store) -> list[ReviewRequest]:
    """Return what waits for an answer, oldest first."""
    with store.read() as tx:
        return reviews.read_requests(tx, is_open=True)


# ----------------------------------------------------------------------------------------- answering


def approve(
    config: Config,
    store: Store,
    path: str,
    *,
    by: str,
    now: datetime,
    source_sha256: str | None = None,
    note: str = "",
    ticked: Collection[str] | None = None,
    changes_since: str = "",
) -> list[Problem]:
    """Approve a post's exact text; return what the one who did should know, as warnings.

    ``source_sha256`` is the text that was looked at; ``ticked`` are the items of the checklist that
    were, None where whoever approves affirms them all by doing so. ``changes_since`` is the approved
    text since which the changes alone were looked at. Raises Refused where the file is another by
    now, an item is not ticked, too much changed, or four eyes are asked for and ``by`` wrote it.
    """
    checklist = config.review.checklist
    exact = read_exact(config, path)
    post, where = exact.post, f"posts/{path}"
    _refuse_other(post, source_sha256)
    if post.draft:
        raise Refused(_still_draft(post, is_held=_needs_review(config, post)))
    with store.write() as tx:
        wrote = _writers(tx, post) if config.review.four_eyes else ()
        if own := reviewing.refuse_own(by, wrote, where=where):
            raise Refused(own)
        if changes_since:
            since = _changes_since(config, exact, reviews.read_approvals(tx, post.id))
            if since != changes_since:
                raise Refused(_too_much(where))
        elif unticked := reviewing.refuse_unticked(checklist, ticked, where=where):
            raise Refused(unticked)
        pins.approve(
            tx,
            post.id,
            post.source_sha256,
            reviewer=by,
            now=now,
            note=note,
            checked=() if changes_since else checklist,
            changes_since=changes_since,
            data=exact.source.data,
        )
        affirmed = _tell_affirmed(checklist, changes_since, by_hand=ticked is not None)
        _answer(tx, post, ReviewAnswer.APPROVED, by=by, note=note, now=now, more=affirmed)
    other = reviewing.warn_of_other(by, post.reviewer, where=where)
    return [other] if other else []


def ask_for_changes(
    config: Config,
    store: Store,
    path: str,
    *,
    by: str,
    now: datetime,
    note: str,
    source_sha256: str | None = None,
) -> tuple[str, ...]:
    """Ask for changes of a post before it may be published; return who wrote it, to be told.

    ``note`` says which, or comments on it do. Raises Refused where neither does, or where the file
    is another than was looked at.
    """
    post = read_exact(config, path).post
    _refuse_other(post, source_sha256)
    with store.write() as tx:
        if not note.strip() and not any(one.is_open for one in comments.read_all(tx, post.id)):
            raise Refused(_no_note(path))
        asked = [one.asked_by for one in reviews.read_requests(tx, post.id) if not one.answer]
        told = dict.fromkeys(filter(None, asked)) or _writers(tx, post)
        _answer(tx, post, ReviewAnswer.CHANGES, by=by, note=note, now=now)
    return tuple(told)


def _answer(
    tx: Transaction,
    post: Post,
    answer: ReviewAnswer,
    *,
    by: str,
    note: str,
    now: datetime,
    more: str = "",
) -> None:
    reviews.answer(
        tx,
        post.id,
        answer,
        by=by,
        path=post.path,
        source_sha256=post.source_sha256,
        now=now,
    )
    detail = " ".join(filter(None, (post.source_sha256[:12], note.strip(), more)))
    reviews.note(tx, post.id, str(answer), by=by, now=now, detail=detail)


def _refuse_other(post: Post, source_sha256: str | None) -> None:
    if source_sha256 is not None and source_sha256 != post.source_sha256:
        raise Refused(
            Problem(
                code="review.changed",
                path=f"posts/{post.path}",
                expected="the text that was looked at",
                got="another: it was edited meanwhile",
                hint="Look at what changed, then decide. Nothing was approved.",
            )
        )


# ------------------------------------------------------------------------------------ the mailed link


def make_link(
    store: Store, request_id: int, *, make_token: Callable[[], str], now: datetime
) -> str:
    """Return the token of a link for one review, good once within 72 hours; none is kept as such."""
    token = make_token()
    until = now + timedelta(hours=LINK_HOURS)
    with store.write() as tx:
        reviews.set_token(tx, request_id, _digest(token), until=until)
    return token


def peek_link(store: Store, token: str, *, now: datetime) -> ReviewRequest:
    """Return the request a link is for, and leave it usable; raises NotFound."""
    with store.read() as tx:
        found = reviews.find_by_token(tx, _digest(token), now=now)
    if found is None:
        raise NotFound(_dead_link())
    return found


def use_link(store: Store, token: str, *, now: datetime) -> ReviewRequest:
    """Use a link up and return its request; raises NotFound for one that is used, old or unknown."""
    with store.write() as tx:
        found = reviews.use_token(tx, _digest(token), now=now)
    if found is None:
        raise NotFound(_dead_link())
    return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


# ------------------------------------------------------------------------------------------- in words


def _still_draft(post: Post, *, is_held: bool) -> Problem:
    held = "It is published nowhere before the approval."
    free = "Write  reviewer: NAME  too, so that it waits for the approval."
    return Problem(
        code="review.draft",
        path=f"posts/{post.path}",
        expected="a text that is done: an approval is of exactly these words",
        got="draft: true, which has to go, and would void it",
        hint=f"Remove the line  draft: true  first. {held if is_held else free}",
    )


def _nobody(path: str) -> Problem:
    return Problem(
        code="review.reviewer",
        path=f"posts/{path}",
        expected="a person to ask",
        got="no name",
        hint="Name the reviewer.",
    )


def _tell_affirmed(checklist: Sequence[str], changes_since: str, *, by_hand: bool) -> str:
    if changes_since:
        return f"The changes since {changes_since[:12]} alone."
    if not checklist:
        return ""
    how = "Ticked" if by_hand else "Affirmed by the command"
    return f"{how}: {'; '.join(checklist)}."


def _too_much(where: str) -> Problem:
    return Problem(
        code="review.changes",
        path=where,
        expected="a few paragraphs changed since an approval with today's checklist",
        got="more, or another approval meanwhile",
        hint="Read the whole and tick the checklist. Nothing was approved.",
    )


def _no_note(path: str) -> Problem:
    return Problem(
        code="review.note",
        path=f"posts/{path}",
        expected="a note that says what to change",
        got="none",
        hint="A sentence is enough.",
    )


def _dead_link() -> Problem:
    return Problem(
        code="review.link",
        path="link",
        expected=f"a link of the last {LINK_HOURS} hours that was not used",
        got="one that is used, old or unknown",
        hint="Sign in to review, or ask for another link.",
    )
