"""The service's log: one line for each thing that happens to an edition, a summary each minute.

No line is about one person: what a relay says is logged with each address as a keyed hash, the same
in every line, so that lines about one address can be put together by whoever has the key.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TextIO

from typing_extensions import override

from publisher import app
from publisher.deliverability import parse_address
from publisher.store import subscribers
from publisher.tokens import keyed_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from publisher.app import EditionView, Site
    from publisher.errors import Problem
    from publisher.model import Edition
    from publisher.tokens import Key

_log = logging.getLogger("publisher.editions")
_SUMMARY = timedelta(minutes=1)
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:=]+@[^\s<>()\[\]\"',;:]*\w")
_HASH_LENGTH = 12


def hide_addresses(text: str, pepper: Key) -> str:
    """Return a text with a keyed hash in place of each address."""

    def hide(found: re.Match[str]) -> str:
        try:
            key = parse_address(found[0]).key
        except ValueError:
            key = found[0].casefold()
        return f"address:{keyed_hash(pepper, key)[:_HASH_LENGTH]}"

    return _ADDRESS.sub(hide, text)


class Lines(logging.Formatter):
    """Log records as lines, for people or as JSON; addresses are hashed in both."""

    def __init__(self, pepper: Key, *, as_json: bool) -> None:
        """Take the key that addresses are hashed with."""
        super().__init__()
        self._pepper = pepper
        self._as_json = as_json

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return one line; the facts of an event are fields of their own in JSON."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        text = hide_addresses(text, self._pepper)
        at = datetime.fromtimestamp(record.created, UTC)
        if not self._as_json:
            return f"{at:%Y-%m-%d %H:%M:%S}Z {record.levelname} {text}"
        line = {"at": at.isoformat(timespec="milliseconds"), "level": record.levelname.lower()}
        facts: dict[str, Any] = getattr(record, "facts", {"event": "message"})
        hidden = json.loads(hide_addresses(json.dumps(facts, ensure_ascii=False), self._pepper))
        return json.dumps(line | hidden | {"message": text}, ensure_ascii=False)


def open_log(site: Site, stream: TextIO, *, as_json: bool) -> logging.Logger:
    """Send every record of this process to a stream, as lines for people or as JSON; return ours."""
    with site.store.read() as tx:
        pepper = subscribers.load_keys(tx, "pepper")[0]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(pepper, as_json=as_json))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return logging.getLogger("publisher")


class Logbook:
    """Tells what changed about editions since it last looked; safe to use from several threads."""

    def __init__(self, site: Site, clock: Callable[[], datetime]) -> None:
        """Take the site; what is over by now is no news."""
        self._site = site
        self._clock = clock
        self._lock = threading.Lock()
        self._known = {
            one.id: (one.state, one.reason) for one in app.list_editions(site) if one.closed_at
        }
        self._told_at = clock()
        self._wrong: frozenset[Problem] = frozenset()

    def complain(self, problems: Iterable[Problem]) -> None:
        """Log what is wrong once, not again at each look while it stays so."""
        found = dict.fromkeys(problems)
        with self._lock:
            fresh, self._wrong = found.keys() - self._wrong, frozenset(found)
        for problem in found:
            if problem in fresh:
                level = logging.ERROR if problem.level == "error" else logging.WARNING
                facts = {"event": "problem", "code": problem.code, "path": problem.path}
                text = problem.as_text().replace("\n", " ")
                _log.log(level, "%s", text, extra={"facts": facts})

    def look(self) -> None:
        """Log each edition whose state is another than when it was last looked at."""
        with self._lock:
            for edition in app.list_editions(self._site):
                now = (edition.state, edition.reason)
                if self._known.get(edition.id) != now:
                    self._known[edition.id] = now
                    self._tell(edition, "edition")

    def progress(self, edition: Edition, _done: int) -> None:
        """Log how far an edition is, at most once a minute."""
        with self._lock:
            now = self._clock()
            if now - self._told_at < _SUMMARY:
                return
            self._told_at = now
            self._tell(edition, "progress")

    def _tell(self, edition: Edition, event: str) -> None:
        view = app.describe_edition(self._site, edition, now=self._clock())
        facts = {"event": event, **_facts(view)}
        _log.info("%s", _sentence(view), extra={"facts": facts})


def _facts(view: EditionView) -> dict[str, Any]:
    edition = view.report.edition
    counts = {str(state): number for state, number in view.report.counts.items() if number}
    return {
        "edition": edition.name,
        "state": str(edition.state),
        "reason": edition.reason,
        "rehearsal": edition.rehearsal,
        "audience": edition.audience,
        "counts": counts,
        "progress": view.details["progress"],
        "reasons": view.details["reasons"],
    }


def _sentence(view: EditionView) -> str:
    edition = view.report.edition
    reason = f" ({edition.reason})" if edition.reason else ""
    counts = ", ".join(
        f"{number:,} {state}" for state, number in view.report.counts.items() if number
    )
    pace = f"; {view.pace}" if view.pace else ""
    return f"{edition.name} {edition.state}{reason}: {counts or 'no deliveries'}{pace}"
