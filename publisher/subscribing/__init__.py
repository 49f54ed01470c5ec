"""People come, choose and leave: one use case, one transaction each.

addresses      what an address is, and how a person is found by it
lists          staff add people, take in lists and give them out
links          what the links in a letter do
courses        a series from part 1, by a reader's hand or staff's
suppressions   standing do-not-mail facts
"""

from publisher.subscribing.addresses import find_by_address, read_address
from publisher.subscribing.courses import (
    CourseView,
    Timetable,
    change_pace,
    list_courses,
    list_missed,
    read_timetable,
    restart_course,
    skip_part,
    start_course,
    stop_course,
)
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
    "CourseView",
    "Import",
    "Timetable",
    "add",
    "change_pace",
    "ensure_sample_reader",
    "export_list",
    "find_by_address",
    "find_by_token",
    "import_list",
    "list_courses",
    "list_missed",
    "list_people",
    "list_suppressions",
    "read_address",
    "read_timetable",
    "release_address",
    "restart_course",
    "skip_part",
    "start_course",
    "stop_course",
    "suppress_address",
    "unsubscribe",
]
