"""The tables: state on the row, history in append-only tables, promises as constraints.

The words are those of the whole product; a table's comment says what one row is. Times are UTC.
"""

from publisher.store.schema.columns import (
    BIG,
    DELIVERY_STATES,
    KEY_PURPOSES,
    DeliveryCode,
    UtcDateTime,
    metadata,
)
from publisher.store.schema.content import (
    digests,
    edition_posts,
    editions,
    events,
    imports,
    keys,
    letters,
    locations,
    posts,
    reviews,
    series_sources,
    site,
    slots,
    sources,
)
from publisher.store.schema.ledger import (
    attempts,
    chunks,
    deliveries,
    receipts,
    rehearsal_receipts,
)
from publisher.store.schema.people import (
    consents,
    course_marks,
    courses,
    declined_series,
    reports,
    subscribers,
    subscriptions,
    suppressions,
)

__all__ = [
    "BIG",
    "DELIVERY_STATES",
    "KEY_PURPOSES",
    "DeliveryCode",
    "UtcDateTime",
    "attempts",
    "chunks",
    "consents",
    "course_marks",
    "courses",
    "declined_series",
    "deliveries",
    "digests",
    "edition_posts",
    "editions",
    "events",
    "imports",
    "keys",
    "letters",
    "locations",
    "metadata",
    "posts",
    "receipts",
    "rehearsal_receipts",
    "reports",
    "reviews",
    "series_sources",
    "site",
    "slots",
    "sources",
    "subscribers",
    "subscriptions",
    "suppressions",
]
