"""Each command as staff type it: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import email
import email.policy
import json
from typing import TYPE_CHECKING

import pytest

from publisher import tokens
from publisher.cli import root
from publisher.config import KEYS
from publisher.mail.keys import make_ed25519_key, make_rsa_key
from publisher.store import subscribers
from tests import smtpd
from tests.conftest import SITE_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Folder


@pytest.fixture
def written(folder: Folder) -> Folder:
    """A site with a series of two."""
    folder.post("sleep/01-worry.md", "Worry at night", date="2026-10-01")
    folder.post("sleep/02-light.md", "Light and the clock", date="2026-10-08")
    return folder


def test_init_makes_a_site_that_runs(tmp_path: Path, folder: Folder) -> None:
    """A new site has a commented configuration and a sample series, and its first run works."""
    folder.path = tmp_path / "letters"

    made = folder.run("init", str(folder.path))
    again = folder.run("--json", "init", str(folder.path))
    checked = folder.run("check")
    ran = folder.run("--json", "publish", "--now", "weekly")

    assert made.code == 0
    assert (again.code, again.data["error"]["code"]) == (5, "init.exists")
    assert (checked.code, checked.out) == (0, "0 errors, 1 warning.\n")
    assert "“insomnia” in: Weekly letter" in checked.err
    assert ran.code == 0
    assert ran.data["editions"][0]["state"] == "sent"


def test_init_dry_run_makes_nothing(tmp_path: Path, folder: Folder) -> None:
    """With --dry-run nothing appears."""
    assert folder.run("init", "--dry-run", str(tmp_path / "letters")).code == 0
    assert not (tmp_path / "letters").exists()


def test_new_post_has_an_id_and_the_next_number(written: Folder) -> None:
    """A new post is a draft with an id of its own, numbered after the last part."""
    made = written.json("new", "When to ask for help", "--series", "sleep")
    text = (written.path / "posts/sleep/03-when-to-ask-for-help.md").read_text("utf-8")
    ran = written.run("build")

    assert made["path"].endswith("posts/sleep/03-when-to-ask-for-help.md")
    assert "id: urn:uuid:" in text
    assert "draft: true" in text
    assert ran.code == 0
    assert not (written.path / "public/sleep/when-to-ask-for-help").exists()


@pytest.mark.parametrize("words", [("new", "?!"), ("new", "A title", "--series", "No Slug")])
def test_new_refuses_what_makes_no_address(written: Folder, words: tuple[str, ...]) -> None:
    """A title or series without a usable address is refused, with the way out."""
    ran = written.run("--json", *words)

    assert ran.code == 5
    assert ran.data["error"]["hint"]


def test_plan_says_what_goes_when_and_why(written: Folder) -> None:
    """The plan names each post with verdict and reason, before and after it was sent."""
    written.post("sleep/03-later.md", "Later", date="2036-01-01")
    written.run("subscribers", "add", "anna@example.org")

    before = written.json("plan")["editions"][0]
    written.run("publish", "--now", "weekly")
    after = written.json("plan", "weekly")["editions"][0]
    shown = written.run("plan", "weekly")

    verdicts = {post["path"]: post["verdict"] for post in before["posts"]}
    assert verdicts == {
        "posts/sleep/01-worry.md": "included",
        "posts/sleep/02-light.md": "included",
        "posts/sleep/03-later.md": "future",
    }
    assert before["audience"] == 1
    assert {post["verdict"] for post in after["posts"]} == {"sent", "future"}
    assert all(post["reason"] for post in after["posts"])
    assert "Nothing new: no edition would be made." in shown.out


def test_plan_until_lists_every_edition(written: Folder) -> None:
    """With a date every slot up to it is planned, each post in one of them only."""
    editions = written.json("plan", "--until", "2036-01-20")["editions"]

    included = [p["id"] for e in editions for p in e["posts"] if p["verdict"] == "included"]
    assert len(editions) > 50
    assert len(included) == len(set(included)) == 2


def test_preview_equals_what_is_sent_but_for_tokens(written: Folder, tmp_path: Path) -> None:
    """The preview's parts are those of the mail, with links that never verify."""
    written.run("subscribers", "add", "anna@example.org")
    facts = written.json(
        "preview", "weekly", "--for", "anna@example.org", "--out", str(tmp_path / "p")
    )
    written.run("publish", "--now", "weekly")
    sent = email.message_from_bytes(written.outbox()[0].read_bytes(), policy=email.policy.default)
    shown = email.message_from_bytes(
        (tmp_path / "p/letter.eml").read_bytes(), policy=email.policy.default
    )
    site = written.open()
    with site.store.read() as tx:
        keys = subscribers.load_keys(tx, "link")
    token, inert = (
        str(one["List-Unsubscribe"]).partition("/u/")[2].partition(">")[0] for one in (sent, shown)
    )

    assert facts["subject"] == sent["Subject"] == shown["Subject"]
    assert tokens.read(token, keys, "link") == 1
    assert tokens.read(inert, keys, "link") is None
    for kind in ("plain", "html"):
        ours, theirs = sent.get_body((kind,)), shown.get_body((kind,))
        assert ours is not None
        assert theirs is not None
        assert ours.get_content().replace(token, inert) == theirs.get_content()
    assert (tmp_path / "p/letter.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_preview_of_a_stranger_and_signed_without_keys(written: Folder, tmp_path: Path) -> None:
    """A preview for nobody on the list is 7; a signature without keys is refused."""
    out = str(tmp_path / "p")

    stranger = written.run("--json", "preview", "weekly", "--for", "x@example.org", "--out", out)
    signed = written.run("--json", "preview", "weekly", "--signed", "--out", out)
    wrong = written.run("--json", "preview", "weekly", "--at", "soon", "--out", out)

    assert (stranger.code, stranger.data["error"]["code"]) == (7, "subscriber.unknown")
    assert signed.code == 5
    assert wrong.code == 2


def test_check_tries_every_notice(written: Folder) -> None:
    """A slip in a site's own notice is told before anybody waits for one."""
    own = written.path / "templates/notices/welcome.txt"
    own.parent.mkdir(parents=True)
    own.write_text("Welcome\n\n{{ nobody }}\n")

    ran = written.run("--json", "check")

    (problem,) = ran.data["problems"]
    assert ran.code == 4
    assert (problem["code"], problem["line"]) == ("notice.template", 3)
    assert problem["file"].endswith("templates/notices/welcome.txt")


@pytest.fixture
def keyed(written: Folder) -> Folder:
    """The site with a pair of keys that only its user can read."""
    for name, pem in (("rsa", make_rsa_key()), ("ed", make_ed25519_key())):
        file = written.path / f"{name}.pem"
        file.touch(mode=0o600)
        file.write_bytes(pem)
    written.configure(
        mail__dkim='domain = "example.org"\nselector = "s1"\n'
        'rsa_key = { file = "rsa.pem" }\ned25519_key = { file = "ed.pem" }'
    )
    return written


def test_signed_preview_is_a_letter_to_ourselves(keyed: Folder, tmp_path: Path) -> None:
    """With --signed both signatures are there, and it is addressed to our own From, whoever it is for."""
    keyed.run("subscribers", "add", "anna@example.org")
    words = ("preview", "weekly", "--for", "anna@example.org", "--at", "2026-12-01")
    plain, signed = str(tmp_path / "plain"), str(tmp_path / "signed")

    keyed.run(*words, "--out", plain)
    ran = keyed.run(*words, "--signed", "--out", signed)

    raw = (tmp_path / "signed/letter.eml").read_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    usual = (tmp_path / "plain/letter.eml").read_bytes()
    assert ran.code == 0
    assert raw.count(b"DKIM-Signature: ") == 2
    assert mail["To"] == "letters@example.org"
    assert raw.endswith(usual.replace(b"To: anna@example.org", b"To: letters@example.org"))


def test_every_mail_is_signed_once_there_are_keys(keyed: Folder) -> None:
    """Letters and test letters bear a signature a key."""
    keyed.run("subscribers", "add", "anna@example.org")
    keyed.run("publish", "--now", "weekly")
    keyed.run("test", "weekly", "--to", "staff@example.org")

    counts = [file.read_bytes().count(b"DKIM-Signature: ") for file in keyed.outbox()]

    assert counts == [2, 2]


@pytest.mark.parametrize("fault", ["missing", "wrong", "open"])
@pytest.mark.parametrize("words", [("publish",), ("test", "weekly", "--to", "a@example.org")])
def test_a_key_that_cannot_sign_stops_before_anything(
    keyed: Folder, fault: str, words: tuple[str, ...]
) -> None:
    """No mail leaves without its signature: the key and its fix are named, and nothing was done."""
    key = keyed.path / "rsa.pem"
    if fault == "missing":
        key.unlink()
    elif fault == "wrong":
        key.write_bytes(make_ed25519_key())
    else:
        key.chmod(0o644)

    ran = keyed.run("--json", *words)
    checked = keyed.run("--json", "check")

    assert ran.code == checked.code == 3
    assert ran.data["error"]["path"] == "mail.dkim.rsa_key"
    assert ran.data["error"]["hint"]
    assert [problem["file"] for problem in checked.data["problems"]] == ["mail.dkim.rsa_key"]
    assert keyed.outbox() == []
    assert not (keyed.path / "public").exists()


def test_check_warns_of_a_signature_that_does_not_count(keyed: Folder) -> None:
    """A From elsewhere, and an Ed25519 key alone, are warned of: the signature would not count."""
    keyed.configure(
        mail='from = "letters@elsewhere.org"',
        digests__weekly='schedule = "every tuesday at 07:30"\ndiscreet_from = "a@sub.example.org"',
        mail__dkim='domain = "example.org"\nselector = "s1"\ned25519_key = { file = "ed.pem" }',
    )

    ran = keyed.run("--json", "check")

    assert ran.code == 0
    assert {(p["code"], p["level"]) for p in ran.data["problems"]} == {("config.dkim", "warning")}
    assert [p["got"] for p in ran.data["problems"]] == [
        "example.org for mail from elsewhere.org",
        "an Ed25519 key alone",
    ]


def test_check_warns_where_nothing_reads_what_comes_back(written: Folder) -> None:
    """A live site without a place for bounces is told where they go; one with a place is not."""
    live = {
        "site": f'name = "River"\nid = "{SITE_ID}"\nurl = "https://river.org"\n'
        'postal_address = "1 Bank"',
        "mail": 'transport = "smtp"\nfrom = "letters@river.org"',
        "mail__smtp": 'host = "relay.river.org"',
    }
    written.configure(**live)
    ran = written.run("--json", "check")
    written.configure(feedback='maildir = "bounces"')
    mended = written.run("--json", "check")

    assert (ran.code, mended.code) == (0, 0)
    assert [(p["code"], p["level"]) for p in ran.data["problems"]] == [
        ("config.feedback", "warning")
    ]
    assert mended.data["problems"] == []


def test_test_letter_is_marked_and_inert(written: Folder, free_port: int) -> None:
    """A test goes to one address, marked in its subject, and changes no edition."""
    by_outbox = written.run("--json", "test", "weekly", "--to", "staff@example.org")
    written.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
    )
    with smtpd.serve(free_port) as peer:
        by_smtp = written.run("test", "weekly", "--to", "staff@example.org")
        peer.replies["gone@example.org"] = "550 5.1.1 no such mailbox"
        refused = written.run("--json", "test", "weekly", "--to", "gone@example.org")

    assert by_outbox.data["outcome"] == "accepted"
    assert by_smtp.code == 0
    mail = email.message_from_bytes(peer.accepted[0].data, policy=email.policy.default)
    assert str(mail["Subject"]).startswith("[Test ")
    inert = tokens.inert("link")
    for where in (f"/u/{inert}>", f"mailto:u+{tokens.as_mailbox(inert)}@example.org"):
        assert where in str(mail["List-Unsubscribe"])
    assert (refused.code, refused.data["outcome"]) == (75, "rejected")
    assert written.json("edition", "ls") == []


def test_edition_is_held_until_approved(written: Folder) -> None:
    """A digest that asks for approval holds its edition; approved, it goes with the next run."""
    written.configure(digests__weekly='schedule = "every tuesday at 07:30"\napproval = "required"')
    written.run("subscribers", "add", "anna@example.org")

    held = written.run("--json", "publish", "--now", "weekly")
    approved = written.json("edition", "approve", "1", "--by", "A. Reviewer, MD")
    again = written.run("edition", "approve", "weekly/1")
    sent = written.run("--json", "publish")
    shown = written.json("edition", "show", "weekly/1")
    listed = written.run("edition", "ls")
    late = written.run("--json", "edition", "approve", "weekly/1")

    assert (held.data["editions"][0]["state"], held.data["editions"][0]["reason"]) == (
        "held",
        "unapproved",
    )
    assert approved["state"] == "scheduled"
    assert approved["approved_by"] == "A. Reviewer, MD"
    assert len(approved["content_sha256"]) == 64
    assert again.code == 0
    assert sent.data["editions"][0]["state"] == "sent"
    assert [post["title"] for post in shown["posts"]] == ["Worry at night", "Light and the clock"]
    assert "weekly/1  rehearsal sent: 1 person, 1 letter; 1 accepted" in listed.out
    assert late.code == 5


@pytest.mark.parametrize("name", ["9", "weekly/9", "weekly/x", "daily/1"])
def test_unknown_edition_is_not_found(written: Folder, name: str) -> None:
    """An edition that is not there is 7, with the command that lists them."""
    ran = written.run("--json", "edition", "show", name)

    assert (ran.code, ran.data["error"]["code"]) == (7, "edition.unknown")


def test_post_that_waits_for_a_review_is_told(written: Folder) -> None:
    """A post with a reviewer is published nowhere before an approval, and check says so."""
    written.post("sleep/03-dose.md", "The dose", reviewer="A. Reviewer")

    checked = written.run("--json", "check")
    built = written.run("build")

    (problem,) = checked.data["problems"]
    assert (checked.code, built.code) == (0, 0)
    assert (problem["code"], problem["level"]) == ("post.unreviewed", "warning")
    assert not (written.path / "public/sleep/dose").exists()


def test_publish_dry_run_says_and_does_nothing(written: Folder) -> None:
    """With --dry-run the plan is told, nothing is written and nobody is mailed."""
    ran = written.run("publish", "--dry-run", "--now", "weekly")
    as_json = written.json("publish", "--dry-run")

    assert ran.code == 0
    assert "no one was emailed" in ran.out
    assert len(as_json["editions"]) == 1
    assert not (written.path / "public").exists()
    assert written.outbox() == []


def test_subscribers_come_and_are_listed(written: Folder) -> None:
    """Added people are active with their consent; adding again changes nothing; export reads back."""
    first = written.run("subscribers", "add", "Anna@Example.org", "--consent", "at the desk")
    second = written.json("subscribers", "add", "anna@example.ORG")
    listed = written.json("subscribers", "ls")
    shown = written.run("subscribers", "ls")
    exported = written.run("subscribers", "export")

    assert (first.code, first.out) == (0, "Added.\n")
    assert second["added"] is False
    assert [(one["email"], one["state"]) for one in listed] == [("Anna@example.org", "active")]
    assert "Anna@example.org  active" in shown.out
    assert exported.out.splitlines()[0].startswith("email,state,subscribed_at,confirmed_at")
    assert "Anna@example.org" in exported.out


def test_empty_lists_say_so(written: Folder) -> None:
    """Where there is nothing, a sentence says so."""
    assert written.run("subscribers", "ls").out == "Nobody yet.\n"
    assert written.run("edition", "ls").out == "No editions yet.\n"
    assert written.json("subscribers", "ls") == []


def test_keys_rotate_and_old_links_stay_good(written: Folder) -> None:
    """A new key signs from now on; links mailed before still work; the pepper never rotates."""
    written.run("subscribers", "add", "anna@example.org")
    site = written.open()
    with site.store.read() as tx:
        old = tokens.make(subscribers.load_keys(tx, "link")[0], 1)

    rotated = written.json("keys", "rotate")
    pepper = written.run("--json", "keys", "rotate", "pepper")
    with site.store.read() as tx:
        keys = subscribers.load_keys(tx, "link")

    assert rotated["id"] == keys[0].id
    assert tokens.make(keys[0], 1) != old
    assert tokens.read(old, keys, "link") == 1
    assert pepper.code == 2


def test_config_explain_tells_every_key(written: Folder) -> None:
    """Every key is explained; an unknown one is 7."""
    everything = written.json("config", "explain")
    one = written.run("config", "explain", "mail.from")

    assert set(everything) == set(KEYS)
    assert one.out.startswith("mail.from  ")
    assert written.run("config", "explain", "mail.form").code == 7


def test_help_and_version(written: Folder) -> None:
    """Every command explains itself; the version is told."""
    for words in ([], ["edition"], ["subscribers"], ["publish"]):
        ran = written.run(*words, "-h")
        assert ran.code == 0
        assert "--json" in ran.out
    assert written.run("--version").out.startswith("publisher, version ")


def test_unexpected_fault_is_told_in_one_line(
    written: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of our own is exit 1 with a way to see where; the variable shows the traceback."""

    def fail(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("publisher.app.check_site", fail)

    ran = written.run("--json", "check")
    monkeypatch.setenv("PUBLISHER_TRACEBACK", "1")

    assert ran.code == 1
    assert ran.data["error"]["code"] == "unexpected"
    with pytest.raises(ZeroDivisionError):
        written.run("check")


def test_interrupt_is_130(written: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with 130."""

    def interrupt(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("publisher.app.check_site", interrupt)

    assert written.run("check").code == 130


def test_every_json_answer_is_json(written: Folder) -> None:
    """With --json stdout holds one JSON value, whatever the command came to."""
    written.post("broken.md", "x").write_text("no front matter\n")
    for words in (["build"], ["check"], ["plan"], ["publish"], ["edition", "ls"], ["nonsense"]):
        json.loads(written.run("--json", *words).out)
        json.loads(written.run(*words, "--json").out)
    assert set(root.commands) >= {"init", "new", "withdraw", "import", "check", "build", "plan"}
