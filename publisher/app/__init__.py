"""The composition root: the only place that opens a site and strings the use cases together.

opening      a site from its configuration, and what each use case works with
job          the scheduled job, once
alerting     staff, of what waits for them and what is coming
announcing   the hub, told of feeds that changed
looking      previews, tests, checks, and what became of an edition
handling     staff's hand on an edition
measuring    how far an edition is, and figures for Prometheus
keeping      backup, restore, upgrade, export, and which database sends
signing      the keys that mails are signed with
naming       the DNS records that mail needs
receiving    bounces, complaints and mailto unsubscribes
admitting    staff's accounts with the links that open them, and notices to staff
tracing      the trail of every act
previewing   a letter as its reader would see it; the outbox
reporting    one edition whole, as its page shows it
surveying    what staff look at first, kept while it holds
noticing     notices on their way out
proving      that nothing tracks
"""

from publisher.app.admitting import (
    add_staff,
    console_url,
    link_to,
    mail_sign_in_link,
    make_setup_link,
    make_sign_in_link,
    send_notice,
)
from publisher.app.handling import approve_edition, handle_edition, resolve_edition
from publisher.app.job import EditionReport, Report, deliver_open, publish_once, refuse_unready
from publisher.app.keeping import (
    adopt_site,
    export_site,
    join_site,
    move_site,
    name_store,
    refuse_embedded,
    restore_site,
    run_alone,
    running_service,
    take_seat,
    upgrade_site,
)
from publisher.app.looking import (
    EditionView,
    add_sample_reader,
    check_site,
    content_of,
    content_sha256_of,
    describe_edition,
    find_edition,
    find_person,
    find_reader,
    list_editions,
    list_newest,
    preview_letter,
    reason_shape,
    report_editions,
    send_test,
)
from publisher.app.measuring import CONTENT_TYPE, Meter, count_waiting, describe_metrics
from publisher.app.naming import describe_signing, list_records
from publisher.app.noticing import send_notices
from publisher.app.opening import (
    Site,
    load_config,
    make_console_pages,
    make_notices,
    make_pages,
    make_workshop,
    open_desk,
    open_site,
    open_transport,
    template_paths,
)
from publisher.app.previewing import (
    Preview,
    ShownMail,
    coming_content,
    list_outbox,
    preview_of,
    read_letter,
    read_outbox,
)
from publisher.app.proving import prove_privacy
from publisher.app.receiving import has_inbox, open_inbox, take_in_feedback
from publisher.app.reporting import EditionSheet, describe_sheet, read_edition
from publisher.app.signing import make_keys, make_signer
from publisher.app.surveying import Survey, Today, list_slots
from publisher.app.tracing import SEES_PEOPLE, TrailLine, read_trail

__all__ = [
    "CONTENT_TYPE",
    "SEES_PEOPLE",
    "EditionReport",
    "EditionSheet",
    "EditionView",
    "Meter",
    "Preview",
    "Report",
    "ShownMail",
    "Site",
    "Survey",
    "Today",
    "TrailLine",
    "add_sample_reader",
    "add_staff",
    "adopt_site",
    "approve_edition",
    "check_site",
    "coming_content",
    "console_url",
    "content_of",
    "content_sha256_of",
    "count_waiting",
    "deliver_open",
    "describe_edition",
    "describe_metrics",
    "describe_sheet",
    "describe_signing",
    "export_site",
    "find_edition",
    "find_person",
    "find_reader",
    "handle_edition",
    "has_inbox",
    "join_site",
    "link_to",
    "list_editions",
    "list_newest",
    "list_outbox",
    "list_records",
    "list_slots",
    "load_config",
    "mail_sign_in_link",
    "make_console_pages",
    "make_keys",
    "make_notices",
    "make_pages",
    "make_setup_link",
    "make_sign_in_link",
    "make_signer",
    "make_workshop",
    "move_site",
    "name_store",
    "open_desk",
    "open_inbox",
    "open_site",
    "open_transport",
    "preview_letter",
    "preview_of",
    "prove_privacy",
    "publish_once",
    "read_edition",
    "read_letter",
    "read_outbox",
    "read_trail",
    "reason_shape",
    "refuse_embedded",
    "refuse_unready",
    "report_editions",
    "resolve_edition",
    "restore_site",
    "run_alone",
    "running_service",
    "send_notice",
    "send_notices",
    "send_test",
    "take_in_feedback",
    "take_seat",
    "template_paths",
    "upgrade_site",
]
