"""The program with a lease of two seconds and chunks of three hundred rows, for tests in a hurry.

Usage: python -m tests.system.hasty WORDS..., as ``publisher`` takes them.
"""

from __future__ import annotations

from datetime import timedelta

from publisher.cli import main
from publisher.delivering import committing
from publisher.store.ledger import opening

CHUNK_ROWS = 300

if __name__ == "__main__":
    committing.LEASE = timedelta(seconds=2)
    committing._RENEW_AFTER = timedelta(seconds=0.2)
    opening.CHUNK_ROWS = CHUNK_ROWS
    main()
