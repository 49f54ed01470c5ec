"""How long a mail takes: run it as a script; numbers are printed, nothing is asserted."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter

from publisher.mail import MailingList, compile_letter, compose
from publisher.model import Address, Letter

MAILS = 20_000


def bench_mail() -> None:
    """Print what one compilation and one of many compositions of a letter of 30 kB cost."""
    paragraph = (
        '<p style="margin:0 0 16px">Was hilft, wenn es nachts laut wird? Drei schöne Dinge.</p>\n'
    )
    page = f"@@PREHEADER@@{paragraph * 320}@@REASON@@ @@PREFERENCES_URL@@ @@UNSUBSCRIBE_URL@@\n"
    text = "One of four lines.\n" * 160 + "@@REASON@@\n@@PREFERENCES_URL@@\n@@UNSUBSCRIBE_URL@@\n"
    letter = Letter(key="k", post_ids=("p",), html=page, text=text)
    started = perf_counter()
    compiled = compile_letter(
        letter, mailing_list=MailingList(name="Letters", list_id="letters.example.org")
    )
    compiled_in = perf_counter() - started

    octets = 0
    started = perf_counter()
    for number in range(MAILS):
        octets += len(
            compose(
                compiled,
                to=Address(typed=f"reader{number}@example.org", key=f"reader{number}@example.org"),
                from_=("Riverside Letters", "letters@example.org"),
                subject="Weekly letter: Grüße",
                preheader="Both helped about as many.",
                reason="You get this because you confirmed it on 3 March 2026.",
                unsubscribe_url=f"https://example.org/u/{number:032d}",
                preferences_url=f"https://example.org/preferences/{number:032d}",
                message_id=f"12.{number}@letters.example.org",
                date=datetime(2026, 11, 24, 12, 30, tzinfo=UTC),
            )
        )
    each = (perf_counter() - started) / MAILS
    print(
        f"compile {compiled_in * 1e3:.1f} ms once; compose {each * 1e6:.1f} µs a mail "
        f"of {octets // MAILS:,} octets; {1 / each:,.0f} mails a second"
    )


if __name__ == "__main__":
    bench_mail()
