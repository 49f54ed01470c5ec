"""Keep the site in order: keys, what is forgotten in time, its epoch, backups.

upkeep      keys, and what is forgotten in time
epoch       which database sends: a copy or a restored one does not, until a person says so
keeping     backup, restore, upgrade
moving      to another database, and which of the two sends then
"""

from publisher.operating.epoch import adopt_epoch, is_sending, is_unused, join, take_over
from publisher.operating.keeping import LOCKS, Restored, backup, note_backup, restore, upgrade
from publisher.operating.moving import Moved, move
from publisher.operating.upkeep import ROTATING, count_overdue, forget_in_time, rotate_key

__all__ = [
    "LOCKS",
    "ROTATING",
    "Moved",
    "Restored",
    "adopt_epoch",
    "backup",
    "count_overdue",
    "forget_in_time",
    "is_sending",
    "is_unused",
    "join",
    "move",
    "note_backup",
    "restore",
    "rotate_key",
    "take_over",
    "upgrade",
]
