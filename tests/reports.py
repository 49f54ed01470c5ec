"""Mails that come back, as servers of different makes write them; the words are our own."""

from __future__ import annotations

from textwrap import dedent

TO = "anna@example.net"
FORMATS = ("postfix", "exim", "exchange", "gmail", "qmail", "old exim")


def bounce(
    returns_to: str,
    *,
    make: str = "postfix",
    status: str = "5.1.1",
    said: str = "550 5.1.1 <anna@example.net>: no such user here",
    message_id: str = "",
    original: str = "",
    action: str = "failed",
) -> bytes:
    """Return a bounce as one make of server writes it, sent to this return path."""
    write = {
        "postfix": _postfix,
        "exim": _exim,
        "exchange": _exchange,
        "gmail": _gmail,
        "qmail": _qmail,
        "old exim": _old_exim,
    }[make]
    headers = original or _headers(returns_to, message_id)
    return write(returns_to, status, said, headers, action).encode()


def _headers(returns_to: str, message_id: str) -> str:
    return (
        f"Return-Path: <{returns_to}>\n"
        "From: Riverside Letters <letters@example.org>\n"
        f"To: {TO}\n"
        "Subject: Weekly letter: Worry at night\n"
        f"Message-ID: {message_id or '<0123456789abcdef01234567@example.org>'}\n"
        "Precedence: bulk\n"
    )


def _report(
    head: str, told: str, status: str, returned: str, *, kind: str = "message/rfc822"
) -> str:
    body = f"{returned}\nThe letter itself.\n" if kind == "message/rfc822" else returned
    return (
        f"{head}MIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=_edge"\n\n'
        "This is a report in MIME.\n\n"
        f"--=_edge\nContent-Type: text/plain; charset=utf-8\n\n{told}\n"
        f"--=_edge\nContent-Type: message/delivery-status\n\n{status}\n"
        f"--=_edge\nContent-Type: {kind}\n\n{body}\n--=_edge--\n"
    )


def _postfix(returns_to: str, status: str, said: str, headers: str, action: str) -> str:
    head = dedent(f"""\
        Return-Path: <>
        Delivered-To: {returns_to}
        Received: by mx.example.org (Postfix) id 4F0A12; Tue, 24 Nov 2026 13:00:02 +0000 (UTC)
        From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
        To: {returns_to}
        Subject: Undelivered Mail Returned to Sender
        Auto-Submitted: auto-replied
        """)
    block = dedent(f"""\
        Reporting-MTA: dns; mx.example.net
        X-Postfix-Queue-ID: 4F0A12
        Arrival-Date: Tue, 24 Nov 2026 13:00:00 +0000 (UTC)

        Final-Recipient: rfc822; {TO}
        Original-Recipient: rfc822;{TO}
        Action: {action}
        Status: {status}
        Remote-MTA: dns; in.example.net
        Diagnostic-Code: smtp; {said}
        """)
    return _report(
        head, f"The host mx.example.net could not hand over a mail:\n<{TO}>", block, headers
    )


def _exim(returns_to: str, status: str, said: str, headers: str, action: str) -> str:
    head = dedent(f"""\
        Return-path: <>
        Envelope-to: {returns_to}
        From: Mail Delivery System <Mailer-Daemon@relay.example.net>
        To: {returns_to}
        X-Failed-Recipients: {TO}
        Auto-Submitted: auto-replied
        Subject: Mail delivery failed: returning message to sender
        """)
    block = dedent(f"""\
        Reporting-MTA: dns; relay.example.net

        Action: {action}
        Final-Recipient: rfc822;{TO}
        Status: {status}
        Remote-MTA: dns; in.example.net
        Diagnostic-Code: smtp; {said}
        """)
    return _report(head, f"  {TO}\n    {said}", block, headers, kind="text/rfc822-headers")


def _exchange(returns_to: str, status: str, said: str, headers: str, action: str) -> str:
    head = dedent(f"""\
        From: <postmaster@tenant.example.net>
        To: <{returns_to}>
        Subject: Undeliverable: Weekly letter
        X-MS-Exchange-Message-Is-Ndr:
        Content-Language: en-US
        """)
    block = dedent(f"""\
        Reporting-MTA: dns;AM0PR01.tenant.example.net
        Received-From-MTA: dns;relay.example.org

        Final-Recipient: rfc822;{TO}
        Action: {action}
        Status: {status}
        Diagnostic-Code: smtp;{said}
        X-Display-Name: Anna
        """)
    return _report(head, "Delivery has failed to these recipients", block, headers)


def _gmail(returns_to: str, status: str, said: str, headers: str, action: str) -> str:
    folded = said.replace(": ", ":\n ", 1)
    head = dedent(f"""\
        Delivered-To: {returns_to}
        Return-Path: <>
        From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
        To: {returns_to}
        Auto-Submitted: auto-replied
        Subject: Delivery Status Notification (Failure)
        X-Failed-Recipients: {TO}
        """)
    block = (
        "Reporting-MTA: dns; googlemail.example\nArrival-Date: Tue, 24 Nov 2026 05:00:00 -0800\n\n"
        f"Final-Recipient: rfc822; {TO}\nAction: {action}\nStatus: {status}\n"
        f"Remote-MTA: dns; in.example.net.\nDiagnostic-Code: smtp; {folded}\n"
        "Last-Attempt-Date: Tue, 24 Nov 2026 05:00:01 -0800\n"
    )
    return _report(head, "** Address not found **", block, headers)


def _qmail(returns_to: str, _status: str, said: str, headers: str, _action: str) -> str:
    return (
        f"Return-Path: <>\nDelivered-To: {returns_to}\n"
        f"Date: 24 Nov 2026 13:00:00 -0000\nFrom: MAILER-DAEMON@mx.example.net\nTo: {returns_to}\n"
        "Subject: failure notice\n\n"
        "Hi. This is the qmail-send program at mx.example.net.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{TO}>:\n{said}\n\n"
        f"--- Below this line is a copy of the message.\n\n{headers}\nThe letter itself.\n"
    )


def _old_exim(returns_to: str, _status: str, said: str, headers: str, _action: str) -> str:
    return (
        f"Return-path: <>\nEnvelope-to: {returns_to}\nX-Failed-Recipients: {TO}\n"
        "Auto-Submitted: auto-replied\n"
        f"From: Mail Delivery System <Mailer-Daemon@old.example.net>\nTo: {returns_to}\n"
        "Subject: Mail delivery failed: returning message to sender\n\n"
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its\n"
        f"recipients. This is a permanent error. The following address(es) failed:\n\n  {TO}\n"
        f"    {said}\n\n------ This is a copy of the message, including all the headers. ------\n\n"
        f"{headers}\nThe letter itself.\n"
    )


def complaint(
    *,
    token_link: str = "",
    returns_to: str = "",
    feedback_type: str = "abuse",
    message_id: str = "<x@example.org>",
) -> bytes:
    """Return an abuse report (RFC 5965) that kept the link to leave, the return path, or neither."""
    mail_from = f"Original-Mail-From: <{returns_to}>\n" if returns_to else ""
    leave = f"List-Unsubscribe: <https://example.org/u/{token_link}>\n" if token_link else ""
    return (
        "From: <feedback@isp.example.net>\nTo: <abuse@example.org>\nSubject: FW: Weekly letter\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report;\n boundary="e"\n\n'
        "--e\nContent-Type: text/plain\n\nThis mail was called spam.\n"
        "--e\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {feedback_type}\nUser-Agent: Loop/1.0\nVersion: 1\n{mail_from}\n"
        "--e\nContent-Type: message/rfc822\n\n"
        f"From: letters@example.org\nTo: redacted\n{leave}Message-ID: {message_id}\n"
        "Subject: Weekly letter\n\nThe letter.\n--e--\n"
    ).encode()


def leaving(to: str, *, subject: str = "unsubscribe", extra: str = "") -> bytes:
    """Return the mail that a mail program sends for the mailto of List-Unsubscribe."""
    return (
        f"From: Anna <anna@example.net>\nTo: {to}\nSubject: {subject}\n{extra}"
        "Message-ID: <1@example.net>\n\nunsubscribe\n"
    ).encode()


def vacation(to: str, *, extra: str = "Auto-Submitted: auto-replied\n") -> bytes:
    """Return a reply by a program while its person is away; it quotes a bounce, as some do."""
    return (
        f"Return-Path: <>\nFrom: Anna <anna@example.net>\nTo: {to}\nSubject: Out of office\n{extra}\n"
        "I am away until Monday.\n\nYour message to <anna@example.net> could not be delivered:\n"
        "550 5.1.1 user unknown\n"
    ).encode()
