"""People come, choose and leave: one use case, one transaction each.

addresses      what an address is, and how a person is found by it
lists          staff add people, take in lists and give them out
links          what the links in a letter do
suppressions   standing do-not-mail facts
"""

from publisher.subscribing.addresses import find_by_address, read_address
from publisher.subscribing.links import find_by_token, unsubscribe
from publisher.subscribing.lists import (
    Import,
    add,
    ensure_sample_reader,
    export_list,
    import_list,
    list_people,
)
from publisher.subscribing.suppressions import (
    list_suppressions,
    release_address,
    suppress_address,
)

__all__ = [
    "Import",
    "add",
    "ensure_sample_reader",
    "export_list",
    "find_by_address",
    "find_by_token",
    "import_list",
    "list_people",
    "list_suppressions",
    "read_address",
    "release_address",
    "suppress_address",
    "unsubscribe",
]
