"""The commands: one noun, then a verb; data to stdout, talk to stderr, ``--json`` everywhere.

frame      options that every command takes, errors as people and programs read them
telling    values as lines and tables
site       init new withdraw import check build
mailing    plan preview test publish run
editions   edition: look at it, let it go, hold, pause, cancel
people     subscribers keys config
keeping    backup restore upgrade export
feedback   feedback suppressions
naming     dns
staff      staff
"""

from __future__ import annotations

from publisher.cli import editions, feedback, keeping, mailing, naming, people, site, staff
from publisher.cli.frame import make_root

root = make_root()
for module in (site, mailing, editions, people, feedback, keeping, naming, staff):
    module.register(root)


def main() -> None:
    """Run the command line and exit with the documented code."""
    root()
