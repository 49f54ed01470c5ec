"""The keys that mails are signed with: read, made, and told to the world."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from publisher.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from publisher.config import Config, Secret
    from publisher.mail import Signer

_OTHERS = stat.S_IRWXO


def make_signer(config: Config, environ: Mapping[str, str]) -> Signer | None:
    """Return what signs this site's mails, or None where no key is named: the relay signs then.

    Raises ConfigError where a key is not there, cannot sign, or can be read by every user.
    """
    dkim = config.mail.dkim
    if not (dkim.rsa_key.is_set or dkim.ed25519_key.is_set):
        return None
    from publisher.mail.dkim import load_signer  # noqa: PLC0415 - only who signs pays for it

    return load_signer(
        dkim.domain,
        dkim.selector,
        rsa_pem=_read(dkim.rsa_key, environ),
        ed25519_pem=_read(dkim.ed25519_key, environ),
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
