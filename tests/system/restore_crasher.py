"""Restores a backup in children that are killed with SIGKILL before or after each step of it.

Usage: restore_crasher CONFIG BACKUP. Prints a line of JSON for each kill: where it fell, what the
site is then, and what it is once the backup was restored again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from publisher import app, operating
from publisher.engine import clock
from publisher.operating import keeping
from publisher.store import copying

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS: tuple[tuple[Any, str], ...] = (
    (copying, "copy_database"),
    (copying, "set_aside"),
    (copying, "carry_over"),
    (keeping, "_make_fit"),
    (copying, "settle"),
    (copying, "put_in_place"),
)


def main() -> None:
    config, backup = Path(sys.argv[1]), Path(sys.argv[2])
    for number, (module, name) in enumerate(STEPS):
        for moment in ("before", "after"):
            folder = config.parent.parent / f"{number}-{moment}"
            shutil.copytree(config.parent, folder)
            child = os.fork()
            if child == 0:
                _die_at(module, name, moment)
                _restore(folder, backup)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            told = {"step": name, "moment": moment, "killed": os.WIFSIGNALED(status)}
            then = _look(folder)
            _restore(folder, backup)
            print(json.dumps(told | {"then": then, "again": _look(folder)}))


def _restore(folder: Path, backup: Path) -> None:
    app.restore_site(folder / "config.toml", {}, backup, by="operator", now=clock.now())


def _look(folder: Path) -> dict[str, object]:
    site = app.open_site(folder / "config.toml", {})
    edition = app.list_editions(site)[-1]
    sends = operating.is_sending(site.store, folder / "var")
    site.store.close()
    left = [one.name for one in (folder / "var").glob(".~*")]
    return {"state": edition.state, "reason": edition.reason, "sends": sends, "left": left}


def _die_at(module: Any, name: str, moment: str) -> None:
    real: Callable[..., Any] = getattr(module, name)

    def step(*args: Any, **options: Any) -> Any:
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(module, name, step)


if __name__ == "__main__":
    main()
