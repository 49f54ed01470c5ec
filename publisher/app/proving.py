"""Proof that nothing tracks: what is stored of people, how long, and every page and letter read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher.errors import Problem
from publisher.preflight import find_trackers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from publisher.app.opening import Site

_MOST_EDITIONS = 50
"""So many of the newest editions' letters are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One table of people, in words."""

    table: str
    title: str
    what: tuple[str, ...]
    how_long: str
    rows: int
    overdue: int
    """Rows that should have been erased by now."""


@dataclass(slots=True)
class Proof:
    """What was read, and what was found."""

    stored: list[Stored] = field(default_factory=list)
    pages: int = 0
    letters: int = 0
    problems: list[Problem] = field(default_factory=list)


def prove_privacy(site: Site, *, now: datetime) -> Proof:
    """Read the tables, every page and the newest letters; tell whatever would tell on a reader."""
    proof = Proof(stored=list(_list_stored(site, now=now)))
    proof.problems += [_undescribed(one) for one in _find_undescribed()]
    proof.problems += [_overdue(one) for one in proof.stored if one.overdue]
    for file in _pages(site.config.paths.output):
        proof.pages += 1
        text = file.read_text("utf-8", "replace")
        for line, words in find_trackers(text, site_url=site.config.site.url, may_load=True):
            proof.problems.append(_tracks(str(file), line, words))
    for name, text in _letters(site):
        proof.letters += 1
        for line, words in find_trackers(text, site_url=site.config.site.url, may_load=False):
            proof.problems.append(_tracks(name, line, words))
    return proof


def _list_stored(site: Site, *, now: datetime) -> Iterator[Stored]:
    from publisher.operating import count_overdue  # noqa: PLC0415
    from publisher.store import describing, exporting  # noqa: PLC0415

    keep = site.config.privacy
    overdue = count_overdue(site.store, keep, now=now)
    with site.store.read() as tx:
        rows = exporting.count_rows(tx)
    for name, one in describing.PERSONAL.items():
        how_long = describing.say_how_long(
            one,
            attempts_days=keep.keep_attempts.days,
            unconfirmed_days=keep.keep_unconfirmed.days,
        )
        yield Stored(
            table=name,
            title=one.title,
            what=tuple(one.columns.values()),
            how_long=how_long,
            rows=rows[name],
            overdue=overdue.get(name, 0),
        )


def _find_undescribed() -> list[str]:
    from publisher.store import exporting  # noqa: PLC0415

    return exporting.undescribed()


def _pages(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob("*.html")) if folder.is_dir() else ()


def _letters(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the newest editions' letters as they were frozen, the two links of a reader open."""
    from publisher.store import editions  # noqa: PLC0415

    with site.store.read() as tx:
        for edition in editions.read_all(tx)[-_MOST_EDITIONS:]:
            for letter_id in sorted(editions.letter_ids(tx, edition.id).values()):
                letter = editions.read_letter(tx, edition.id, letter_id)
                yield f"{edition.name} letter {letter_id}", letter.html


def _tracks(path: str, line: int, words: str) -> Problem:
    return Problem(
        code="privacy.tracker",
        path=path,
        line=line,
        expected="nothing that tells others who reads it",
        got=words,
        hint="Compare your own template with the one that ships, or take it out of the post.",
    )


def _overdue(one: Stored) -> Problem:
    return Problem(
        code="privacy.overdue",
        path=one.table,
        level="warning",
        expected=f"nothing kept longer than it says: {one.how_long}",
        got=f"{one.overdue} records that are older",
        hint="publisher run or publisher publish erases them.",
    )


def _undescribed(name: str) -> Problem:
    return Problem(
        code="privacy.undescribed",
        path=name,
        expected="words for everything that is stored of people",
        got="none",
        hint="The page on privacy cannot name it: tell us.",
    )
