"""How long a mail takes: run it as a script; numbers are printed, nothing is asserted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

from publisher.mail import CompiledLetter, MailingList, Signer, compile_letter, compose
from publisher.mail.keys import load_signer, make_ed25519_key, make_rsa_key
from publisher.model import Address, Letter

MAILS = 500
SIGNED_MAILS = 100
ROUNDS = 60
"""The best round counts: the machine does other things too, and short rounds find it at peace."""


def bench_mail() -> None:
    """Print what one compilation and one of many compositions of a letter of 30 kB cost."""
    letter = _letter()
    started = perf_counter()
    compiled = compile_letter(
        letter, mailing_list=MailingList(name="Letters", list_id="letters.example.org")
    )
    compiled_in = perf_counter() - started
    octets = len(_compose(compiled, 0, None))
    each = min(_measure(compiled, None, MAILS) for _ in range(ROUNDS))
    print(
        f"compile {compiled_in * 1e3:.1f} ms once; compose {each * 1e6:.1f} µs a mail "
        f"of {octets:,} octets; {1 / each:,.0f} mails a second"
    )
    rsa, ed25519 = make_rsa_key().decode(), make_ed25519_key().decode()
    signers = {
        "RSA-2048": load_signer("example.org", "s1", rsa_pem=rsa),
        "Ed25519": load_signer("example.org", "s1", ed25519_pem=ed25519),
        "both": load_signer("example.org", "s1", rsa_pem=rsa, ed25519_pem=ed25519),
    }
    for name, signer in signers.items():
        each = min(_measure(compiled, signer, SIGNED_MAILS) for _ in range(ROUNDS))
        print(f"compose and sign, {name}: {each * 1e6:.0f} µs a mail")
    each = min(_measure_pool(compiled, signers["both"]) for _ in range(ROUNDS))
    print(f"compose and sign, both, in two threads: {each * 1e6:.0f} µs a mail")


def _letter() -> Letter:
    paragraph = (
        '<p style="margin:0 0 16px">Was hilft, wenn es nachts laut wird? Drei schöne Dinge.</p>\n'
    )
    page = f"@@PREHEADER@@{paragraph * 320}@@REASON@@ @@PREFERENCES_URL@@ @@UNSUBSCRIBE_URL@@\n"
    text = "One of four lines.\n" * 160 + "@@REASON@@\n@@PREFERENCES_URL@@\n@@UNSUBSCRIBE_URL@@\n"
    return Letter(key="k", post_ids=("p",), html=page, text=text)


def _compose(compiled: CompiledLetter, number: int, signer: Signer | None) -> bytes:
    return compose(
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
        signer=signer,
    )


def _measure(compiled: CompiledLetter, signer: Signer | None, mails: int) -> float:
    started = perf_counter()
    for number in range(mails):
        _compose(compiled, number, signer)
    return (perf_counter() - started) / mails


def _measure_pool(compiled: CompiledLetter, signer: Signer) -> float:
    with ThreadPoolExecutor(2) as pool:
        started = perf_counter()
        for _ in pool.map(partial(_compose, compiled, signer=signer), range(SIGNED_MAILS)):
            pass
        return (perf_counter() - started) / SIGNED_MAILS


if __name__ == "__main__":
    bench_mail()
