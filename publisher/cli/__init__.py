"""The commands: one noun, then a verb; data to stdout, talk to stderr, ``--json`` everywhere.

frame      options that every command takes, errors as people and programs read them
telling    values as lines and tables
site       init new withdraw import check build
mailing    plan preview test publish run
reviews    review: ask for one, give one, see what waits
editions   edition: look at it, let it go, hold, pause, cancel
people     subscribers keys config
coursing   subscribers course
keeping    backup restore upgrade move export
processes  web scheduler worker
feedback   feedback suppressions
naming     dns
doctoring  doctor
living     live
staff      staff
proving    privacy
"""

from __future__ import annotations

import gc

from publisher.cli.frame import make_root

root = make_root(
    f"{__name__}.{part}"
    for part in (
        "site",
        "reviews",
        "mailing",
        "processes",
        "editions",
        "people",
        "feedback",
        "keeping",
        "naming",
        "doctoring",
        "living",
        "proving",
        "staff",
    )
)


def main() -> None:
    """Run the command line and exit with the documented code."""
    try:
        root()
    finally:
        # Python looks twice through all there is before it ends, though it all goes anyway.
        gc.freeze()
