"""Deliveries, attempts, chunks and receipts: the durable record of who got what.

marks     people in groups, by what they chose and what they have
opening   whom an edition goes to: deliveries, receipts and chunks, in batches
holders   who has an edition, or may have it
turns     whose turn it is in a course, and the day of the next one
claiming  a chunk for one worker at a time: leased, fenced by a token
sending   the start of a mail, and the fact of its end
closing   counts, and the end of an edition
daily     what all senders share: the mails of a day, the rate
deciding  a person's word on mails that nobody else can tell of
ends      which ends leave a mail unsent, and the receipts they give back

The start of a mail is fenced (only the holder of the chunk's newest token may begin one); the fact
of its end never is, since it is true whoever writes it. A receipt is written with the delivery row
and deleted with the end that leaves it unsent.
"""

from publisher.store.ledger.claiming import (
    Claim,
    claim_chunk,
    finish_chunk,
    release_chunks,
    rest_chunks,
)
from publisher.store.ledger.closing import (
    close,
    count_begun,
    count_uncertain,
    end_open,
    read_counts,
    read_reasons,
)
from publisher.store.ledger.daily import add_to_day, count_senders, open_day, read_day
from publisher.store.ledger.deciding import (
    doubt_waiting,
    let_go_again,
    reopen,
    take_as_accepted,
)
from publisher.store.ledger.ends import UNSENT
from publisher.store.ledger.holders import MAY_HAVE, count_holders, gather_holders
from publisher.store.ledger.marks import Group
from publisher.store.ledger.opening import (
    CHUNK_ROWS,
    Batch,
    Lot,
    add_deliveries,
    begin_opening,
    count_groups,
    finish_opening,
    gather,
    opening_range,
    read_received,
)
from publisher.store.ledger.sending import (
    Beginning,
    Due,
    Fact,
    Start,
    postpone,
    put_back,
    read_due,
    record,
    record_all,
    renew,
    start,
    start_all,
    suppress_delivery,
)
from publisher.store.ledger.turns import (
    Turns,
    count_turns,
    due_series,
    gather_turns,
    move_courses,
    set_due,
)

__all__ = [
    "CHUNK_ROWS",
    "MAY_HAVE",
    "UNSENT",
    "Batch",
    "Beginning",
    "Claim",
    "Due",
    "Fact",
    "Group",
    "Lot",
    "Start",
    "Turns",
    "add_deliveries",
    "add_to_day",
    "begin_opening",
    "claim_chunk",
    "close",
    "count_begun",
    "count_groups",
    "count_holders",
    "count_senders",
    "count_turns",
    "count_uncertain",
    "doubt_waiting",
    "due_series",
    "end_open",
    "finish_chunk",
    "finish_opening",
    "gather",
    "gather_holders",
    "gather_turns",
    "let_go_again",
    "move_courses",
    "open_day",
    "opening_range",
    "postpone",
    "put_back",
    "read_counts",
    "read_day",
    "read_due",
    "read_reasons",
    "read_received",
    "record",
    "record_all",
    "release_chunks",
    "renew",
    "reopen",
    "rest_chunks",
    "set_due",
    "start",
    "start_all",
    "suppress_delivery",
    "take_as_accepted",
]
