"""The keys that mails are signed with: read and made."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from publisher.errors import ConfigError, Problem, Refused
from publisher.site import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from publisher.config import Config, Dkim, Secret
    from publisher.mail import Signer

_OTHERS = stat.S_IRWXO


RSA_FILE, ED25519_FILE = "dkim-rsa.pem", "dkim-ed25519.pem"
"""Where keys are made in the state directory where the configuration names no place."""
FIRST_SELECTOR = "s1"


def make_signer(config: Config, environ: Mapping[str, str]) -> Signer | None:
    """Return what signs this site's mails, or None where no key is named: the relay signs then.

    Raises ConfigError where a key is not there, cannot sign, or can be read by every user.
    """
    return read_signer(config.mail.dkim, environ)


def read_signer(dkim: Dkim, environ: Mapping[str, str]) -> Signer | None:
    """Return what signs by these settings, as ``make_signer`` does."""
    if not (dkim.rsa_key.is_set or dkim.ed25519_key.is_set):
        return None
    from publisher.mail.keys import load_signer  # noqa: PLC0415 - only who signs pays for it

    return load_signer(
        dkim.domain,
        dkim.selector,
        rsa_pem=_read(dkim.rsa_key, environ),
        ed25519_pem=_read(dkim.ed25519_key, environ),
    )


def complete(config: Config) -> Dkim:
    """Return how mails are signed, or would be: what is not configured is where keys are made.

    A key that is neither configured nor there stays unset.
    """
    dkim, state = config.mail.dkim, config.paths.state
    return replace(
        dkim,
        domain=dkim.domain or config.mail.from_.domain,
        selector=dkim.selector or FIRST_SELECTOR,
        rsa_key=_or_made(dkim.rsa_key, state / RSA_FILE),
        ed25519_key=_or_made(dkim.ed25519_key, state / ED25519_FILE),
    )


def _or_made(secret: Secret, file: Path) -> Secret:
    return secret if secret.is_set or not file.exists() else replace(secret, file=file)


def make_keys(config: Config, *, replace_existing: bool) -> list[Path]:
    """Make the keys that are not there, each in a file for our user alone; return the files.

    Raises Refused where a key is kept in the environment, and where all are there unless they are
    to be replaced: the records in DNS would be those of other keys.
    """
    from publisher.mail.keys import make_ed25519_key, make_rsa_key  # noqa: PLC0415

    dkim, state = config.mail.dkim, config.paths.state
    places = {
        _place(dkim.rsa_key, state / RSA_FILE): make_rsa_key,
        _place(dkim.ed25519_key, state / ED25519_FILE): make_ed25519_key,
    }
    wanted = [file for file in places if replace_existing or not file.exists()]
    if not wanted:
        raise Refused(_all_there(list(places)))
    for file in wanted:
        write(file, places[file](), root=file.parent, durable=True, private=True)
    return wanted


def _place(secret: Secret, file: Path) -> Path:
    if secret.env:
        raise Refused(
            Problem(
                code="dkim.environment",
                path=secret.key,
                expected="a key in a file",
                got=f"one in the environment variable {secret.env}",
                hint=f"Name a file in {secret.key}, or leave it out. No key was made.",
            )
        )
    return secret.file or file


def _all_there(files: list[Path]) -> Problem:
    return Problem(
        code="dkim.keys_exist",
        path=str(files[0]),
        expected="no keys yet",
        got=f"{' and '.join(map(str, files))}",
        hint="Nothing was changed. With --yes they are replaced, and mail fails the check until DNS "
        "has the new ones: give them another mail.dkim.selector.",
    )


def _read(secret: Secret, environ: Mapping[str, str]) -> str:
    if not secret.is_set:
        return ""
    pem = secret.read(environ)
    if secret.file and stat.S_IMODE(secret.file.stat().st_mode) & _OTHERS:
        raise ConfigError(_open_to_all(secret, secret.file))
    return pem


def _open_to_all(secret: Secret, file: Path) -> Problem:
    return Problem(
        code="config.secret",
        path=secret.key,
        expected="a private key that other users of this machine cannot read",
        got=f"{file} with mode {stat.S_IMODE(file.stat().st_mode):03o}",
        hint=f"Type:  chmod 600 {file}",
    )
