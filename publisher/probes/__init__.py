"""Questions to the outside: what DNS says of the domains that mail comes from.

records    what should stand in DNS, and what was found instead; pure
resolving  the questions themselves
"""

from publisher.probes.records import Finding, Lookup, Record, RecordKind, State, check, wanted
from publisher.probes.resolving import make_lookup

__all__ = [
    "Finding",
    "Lookup",
    "Record",
    "RecordKind",
    "State",
    "check",
    "make_lookup",
    "wanted",
]
