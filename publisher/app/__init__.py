"""The composition root: the only place that opens a site and strings the use cases together.

opening      a site from its configuration, and what each use case works with
job          the scheduled job, once
announcing   the hub, told of feeds that changed
looking      previews, tests, checks, and what became of an edition
signing      the keys that mails are signed with
naming       the DNS records that mail needs
receiving    bounces, complaints and mailto unsubscribes
"""

from publisher.app.job import EditionReport, Report, deliver_open, publish_once, refuse_unready
from publisher.app.looking import (
    EditionView,
    add_sample_reader,
    check_site,
    describe_edition,
    find_edition,
    preview_letter,
    report_editions,
    send_test,
)
from publisher.app.naming import describe_signing, list_records
from publisher.app.opening import (
    Site,
    load_config,
    make_notices,
    make_pages,
    make_workshop,
    open_desk,
    open_site,
    open_transport,
    template_paths,
)
from publisher.app.receiving import has_inbox, open_inbox, take_in_feedback
from publisher.app.signing import make_keys, make_signer

__all__ = [
    "EditionReport",
    "EditionView",
    "Report",
    "Site",
    "add_sample_reader",
    "check_site",
    "deliver_open",
    "describe_edition",
    "describe_signing",
    "find_edition",
    "has_inbox",
    "list_records",
    "load_config",
    "make_keys",
    "make_notices",
    "make_pages",
    "make_signer",
    "make_workshop",
    "open_desk",
    "open_inbox",
    "open_site",
    "open_transport",
    "preview_letter",
    "publish_once",
    "refuse_unready",
    "report_editions",
    "send_test",
    "take_in_feedback",
    "template_paths",
]
