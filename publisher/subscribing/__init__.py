"""People come, choose and leave: one use case, one transaction each.

addresses      what an address is, and how a person is found by it
lists          staff add people, take in lists and give them out
doors          what keeps the form from being turned against people
asking         a person asks to be on the list
confirming     the reader of the address's mail says yes, or never
links          what the links in a letter do
choosing       what a person gets
owning         what is kept of a person: seen, moved, erased
mailing        the notices that all this leads to
courses        a series from part 1, by a reader's hand or staff's
people         staff find one person, see them whole, take them off
suppressions   standing do-not-mail facts
"""

from publisher.subscribing.addresses import find_by_address, read_address
from publisher.subscribing.asking import Wish, ask, say_wording
from publisher.subscribing.choosing import (
    PAUSE_MONTHS,
    Choices,
    Offer,
    choose,
    decide_digests,
)
from publisher.subscribing.confirming import (
    Confirmation,
    Standing,
    ask_again,
    confirm,
    find_request,
    refuse_for_ever,
)
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
from publisher.subscribing.doors import (
    Age,
    Barred,
    Closed,
    Gate,
    admit,
    read_stamp,
    stamp_form,
)
from publisher.subscribing.links import find_by_token, get_by_token, undo_unsubscribe, unsubscribe
from publisher.subscribing.lists import (
    Import,
    add,
    ensure_sample_reader,
    export_list,
    export_proofs,
    import_list,
    invite,
    list_people,
    show_person,
)
from publisher.subscribing.mailing import (
    Mailed,
    Post,
    has_due_notices,
    say_duration,
    send_notices,
    tell_trial,
)
from publisher.subscribing.owning import (
    LINK_WITHIN,
    MOVE_WITHIN,
    ask_for_link,
    ask_to_move,
    erase,
    erase_by_address,
    export_data,
    find_by_data_token,
    find_move,
    move,
)
from publisher.subscribing.people import (
    LEAST_TYPED,
    MOST_FOUND,
    Matches,
    PersonSheet,
    list_newest,
    note_export,
    page_suppressions,
    read_person,
    search,
    search_suppressions,
    take_off,
)
from publisher.subscribing.suppressions import (
    WILL,
    list_suppressions,
    release_address,
    suppress_address,
)

__all__ = [
    "LEAST_TYPED",
    "LINK_WITHIN",
    "MOST_FOUND",
    "MOVE_WITHIN",
    "PAUSE_MONTHS",
    "WILL",
    "Age",
    "Barred",
    "Choices",
    "Closed",
    "Confirmation",
    "CourseView",
    "Gate",
    "Import",
    "Mailed",
    "Matches",
    "Offer",
    "PersonSheet",
    "Post",
    "Standing",
    "Timetable",
    "Wish",
    "add",
    "admit",
    "ask",
    "ask_again",
    "ask_for_link",
    "ask_to_move",
    "change_pace",
    "choose",
    "confirm",
    "decide_digests",
    "ensure_sample_reader",
    "erase",
    "erase_by_address",
    "export_data",
    "export_list",
    "export_proofs",
    "find_by_address",
    "find_by_data_token",
    "find_by_token",
    "find_move",
    "find_request",
    "get_by_token",
    "has_due_notices",
    "import_list",
    "invite",
    "list_courses",
    "list_missed",
    "list_newest",
    "list_people",
    "list_suppressions",
    "move",
    "note_export",
    "page_suppressions",
    "read_address",
    "read_person",
    "read_stamp",
    "read_timetable",
    "refuse_for_ever",
    "release_address",
    "restart_course",
    "say_duration",
    "say_wording",
    "search",
    "search_suppressions",
    "send_notices",
    "show_person",
    "skip_part",
    "stamp_form",
    "start_course",
    "stop_course",
    "suppress_address",
    "take_off",
    "tell_trial",
    "undo_unsubscribe",
    "unsubscribe",
]
