"""The composition root: the only place that opens a site and strings the use cases together.

opening      a site from its configuration, and what each use case works with
job          the scheduled job, once
alerting     staff, of what waits for them and what is coming
correcting   an edition, told to exactly those who have it
announcing   the hub, told of feeds that changed
looking      previews, tests, checks, and what became of an edition
proofing     a text that is not saved: what is wrong in it, and how it would look everywhere
handling     staff's hand on an edition
measuring    how far an edition is, and figures for Prometheus
keeping      backup, restore, upgrade, export, and which database sends
signing      the keys that mails are signed with
naming       the DNS records that mail needs
doctoring    what is wrong with this set-up
holding      a list that was sent and waits for staff's word
scheduling   a moment at which mail goes, for a calendar
saving       backups by staff's hand
receiving    bounces, complaints and mailto unsubscribes
noticing     notices on their way out
proving      that nothing tracks
trying       a trial mails staff alone; what is ready to go live, and going live or back
admitting    staff's accounts with the links that open them, and notices to staff
tracing      the trail of every act
previewing   a letter as its reader would see it; the outbox
reporting    one edition whole, as its page shows it
surveying    what staff look at first, kept while it holds
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publisher.app.admitting import (
        add_staff,
        console_url,
        link_to,
        mail_changes,
        mail_review_link,
        mail_sign_in_link,
        make_setup_link,
        make_sign_in_link,
        send_notice,
    )
    from publisher.app.correcting import (
        Corrected,
        Correcting,
        correct_edition,
        describe_correcting,
        find_post,
        try_correction,
    )
    from publisher.app.doctoring import Health, Sign, check_records, examine
    from publisher.app.handling import approve_edition, handle_edition, resolve_edition
    from publisher.app.holding import HeldList, forget_held, hold_list, read_held
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
        list_followers,
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
        as_markdown,
        coming_content,
        list_outbox,
        preview_of,
        read_letter,
        read_outbox,
    )
    from publisher.app.proofing import Proof, Seen, proof_text, show_entry, show_mail, show_page
    from publisher.app.proving import prove_privacy
    from publisher.app.receiving import has_inbox, open_inbox, take_in_feedback
    from publisher.app.reporting import (
        EditionSheet,
        Progress,
        describe_progress,
        describe_sheet,
        read_edition,
    )
    from publisher.app.saving import Backup, list_backups, make_backup, take_backup
    from publisher.app.scheduling import calendar_of, calendar_of_next
    from publisher.app.signing import make_keys, make_signer
    from publisher.app.surveying import Survey, Today, list_slots
    from publisher.app.tracing import SEES_PEOPLE, TrailLine, read_trail
    from publisher.app.trying import (
        Step,
        Trial,
        go_back,
        go_live,
        list_steps,
        note_arrival,
        read_trial,
        tell_trial,
    )

__all__ = [
    "CONTENT_TYPE",
    "SEES_PEOPLE",
    "Backup",
    "Corrected",
    "Correcting",
    "EditionReport",
    "EditionSheet",
    "EditionView",
    "Health",
    "HeldList",
    "Meter",
    "Preview",
    "Progress",
    "Proof",
    "Report",
    "Seen",
    "ShownMail",
    "Sign",
    "Site",
    "Step",
    "Survey",
    "Today",
    "TrailLine",
    "Trial",
    "add_sample_reader",
    "add_staff",
    "adopt_site",
    "approve_edition",
    "as_markdown",
    "calendar_of",
    "calendar_of_next",
    "check_records",
    "check_site",
    "coming_content",
    "console_url",
    "content_of",
    "content_sha256_of",
    "correct_edition",
    "count_waiting",
    "deliver_open",
    "describe_correcting",
    "describe_edition",
    "describe_metrics",
    "describe_progress",
    "describe_sheet",
    "describe_signing",
    "examine",
    "export_site",
    "find_edition",
    "find_person",
    "find_post",
    "find_reader",
    "forget_held",
    "go_back",
    "go_live",
    "handle_edition",
    "has_inbox",
    "hold_list",
    "join_site",
    "link_to",
    "list_backups",
    "list_editions",
    "list_followers",
    "list_newest",
    "list_outbox",
    "list_records",
    "list_slots",
    "list_steps",
    "load_config",
    "mail_changes",
    "mail_review_link",
    "mail_sign_in_link",
    "make_backup",
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
    "note_arrival",
    "open_desk",
    "open_inbox",
    "open_site",
    "open_transport",
    "preview_letter",
    "preview_of",
    "proof_text",
    "prove_privacy",
    "publish_once",
    "read_edition",
    "read_held",
    "read_letter",
    "read_outbox",
    "read_trail",
    "read_trial",
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
    "show_entry",
    "show_mail",
    "show_page",
    "take_backup",
    "take_in_feedback",
    "take_seat",
    "tell_trial",
    "template_paths",
    "try_correction",
    "upgrade_site",
]

# A build that finds nothing changed needs little of this, and most of its time would be loading.
_HOMES = {
    "admitting": (
        "add_staff console_url link_to mail_changes mail_review_link mail_sign_in_link make_setup_link "
        "make_sign_in_link send_notice"
    ),
    "correcting": (
        "Corrected Correcting correct_edition describe_correcting find_post try_correction"
    ),
    "doctoring": "Health Sign check_records examine",
    "handling": "approve_edition handle_edition resolve_edition",
    "holding": "HeldList forget_held hold_list read_held",
    "job": "EditionReport Report deliver_open publish_once refuse_unready",
    "keeping": (
        "adopt_site export_site join_site move_site name_store refuse_embedded "
        "restore_site run_alone running_service take_seat upgrade_site"
    ),
    "looking": (
        "EditionView add_sample_reader check_site content_of content_sha256_of "
        "describe_edition find_edition find_person find_reader list_editions "
        "list_followers list_newest preview_letter reason_shape report_editions send_test"
    ),
    "measuring": "CONTENT_TYPE Meter count_waiting describe_metrics",
    "naming": "describe_signing list_records",
    "noticing": "send_notices",
    "opening": (
        "Site load_config make_console_pages make_notices make_pages "
        "make_workshop open_desk open_site open_transport template_paths"
    ),
    "previewing": (
        "Preview ShownMail as_markdown coming_content list_outbox preview_of read_letter read_outbox"
    ),
    "proofing": "Proof Seen proof_text show_entry show_mail show_page",
    "proving": "prove_privacy",
    "receiving": "has_inbox open_inbox take_in_feedback",
    "reporting": "EditionSheet Progress describe_progress describe_sheet read_edition",
    "saving": "Backup list_backups make_backup take_backup",
    "scheduling": "calendar_of calendar_of_next",
    "signing": "make_keys make_signer",
    "surveying": "Survey Today list_slots",
    "tracing": "SEES_PEOPLE TrailLine read_trail",
    "trying": "Step Trial go_back go_live list_steps note_arrival read_trial tell_trial",
}
"""Where each name is at home; every name of ``__all__`` has its place here."""


def __getattr__(name: str) -> object:
    """Load what has this name when it is first asked for (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names.split():
            value = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
