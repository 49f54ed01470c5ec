"""Random kill -9 over many recipients, until the edition is over: ``make chaos``.

Usage: python -m tests.system.chaos_run [--readers N] [--kills N] [--seed N]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests import chaos
from tests.relay import Relay

LINES = 8


def main() -> int:
    """Kill, restart, and judge; prints the numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos_run")
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="publisher-chaos-") as place:
        folder = Path(place) / "site"
        chaos.prepare(folder, options.readers)
        with Relay() as relay:
            chaos.configure(folder, port=relay.port, connections=LINES)
            started = time.perf_counter()
            kills = _kill_at_random(folder, relay, options)
            seconds = time.perf_counter() - started
            found = chaos.judge(
                folder, relay, readers=options.readers, kills=kills, connections=LINES
            )
    print(
        f"{options.readers:,} readers, {kills} kills, {LINES} connections: 0 lost, "
        f"{found['repeated']} repeated of at most {kills * LINES}, "
        f"{found['uncertain']} named uncertain; {options.readers / seconds:.0f} mails a second"
    )
    return 0


def _kill_at_random(folder: Path, relay: Relay, options: argparse.Namespace) -> int:
    """Start the sender again and again, each time killed after a random share of the mails."""
    chance = random.Random(options.seed)  # noqa: S311 - a dice, no secret
    share = options.readers // (options.kills + 1)
    for _ in range(options.kills):
        until = len(relay.kept) + chance.randint(1, 2 * share - 1)
        sender = _start(folder)
        while sender.poll() is None and len(relay.kept) < until:
            threading.Event().wait(0.01)
        sender.kill()
        sender.wait()
    _start(folder).wait()
    return int(options.kills)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    config = str(folder / "config.toml")
    command = [sys.executable, "-m", "tests.system.killer", config]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
