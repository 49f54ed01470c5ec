"""Staff: who may sign in, what they may do, and the browsers in which they are signed in.

accounts    added, given roles and a password, removed; the first one made by a link
entrances   signing in and out, by password or by a mailed link; sessions and proofs
passwords   argon2id, and what makes a password good enough
limits      how often a thing may be tried

Cookies and links are known by their hashes alone: who reads the database cannot sign in.
"""

from publisher.staffing.accounts import (
    add,
    end_tour,
    find,
    has_staff,
    is_tour_over,
    list_staff,
    make_first,
    remove,
    set_password,
    set_roles,
)
from publisher.staffing.entrances import (
    LASTS_AT_MOST,
    LINK_WITHIN,
    PROOF_WITHIN,
    REVIEW_WITHIN,
    SETUP_WITHIN,
    Entrance,
    ask_link,
    find_session,
    list_sessions,
    look_at_link,
    make_asked_link,
    make_link,
    make_setup_link,
    open_by_link,
    prove,
    revoke,
    say_next,
    sign_in,
    sign_out,
)
from publisher.staffing.limits import Limiter

__all__ = [
    "LASTS_AT_MOST",
    "LINK_WITHIN",
    "PROOF_WITHIN",
    "REVIEW_WITHIN",
    "SETUP_WITHIN",
    "Entrance",
    "Limiter",
    "add",
    "ask_link",
    "end_tour",
    "find",
    "find_session",
    "has_staff",
    "is_tour_over",
    "list_sessions",
    "list_staff",
    "look_at_link",
    "make_asked_link",
    "make_first",
    "make_link",
    "make_setup_link",
    "open_by_link",
    "prove",
    "remove",
    "revoke",
    "say_next",
    "set_password",
    "set_roles",
    "sign_in",
    "sign_out",
]
