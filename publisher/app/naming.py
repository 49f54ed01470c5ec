"""What DNS should say of this site's mail, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from publisher import probes
from publisher.app.signing import complete, read_signer
from publisher.config import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.config import Config


def list_records(config: Config, environ: Mapping[str, str]) -> list[probes.Record]:
    """Return the records that this site's mail needs; those of keys only where there are keys.

    Raises ConfigError for a key that cannot sign.
    """
    mail, dkim = config.mail, complete(config)
    signer = read_signer(dkim, environ)
    discreet = [one.discreet_from.domain for one in config.digests.values() if one.discreet_from]
    return probes.wanted(
        senders=list(dict.fromkeys([mail.from_.domain, *discreet])),
        bounce_domain=mail.bounce_domain,
        server=_server(config),
        reports_to=(mail.reply_to or mail.from_).address,
        signing_domain=dkim.domain,
        keys=[(key.selector, key.record) for key in signer.keys] if signer else [],
    )


def _server(config: Config) -> str:
    """Return the machine that hands mail to the world, as far as the configuration tells."""
    hosts = (config.mail.smtp.host, urlsplit(config.site.url).hostname or "")
    return next((host for host in hosts if host and not is_loopback(host)), "")


def describe_signing(config: Config) -> str:
    """Return the lines that config.toml lacks for the keys that are there to sign; "" for none."""
    dkim, whole = config.mail.dkim, complete(config)
    unnamed = whole != dkim and (whole.rsa_key.is_set or whole.ed25519_key.is_set)
    if not unnamed:
        return ""
    base = config.path.absolute().parent
    lines = ["[mail.dkim]", f'domain = "{whole.domain}"', f'selector = "{whole.selector}"']
    for name, secret in (("rsa_key", whole.rsa_key), ("ed25519_key", whole.ed25519_key)):
        if secret.env:
            lines.append(f'{name} = {{ env = "{secret.env}" }}')
        elif secret.file:
            near = secret.file.is_relative_to(base)
            file = secret.file.relative_to(base) if near else secret.file
            lines.append(f'{name} = {{ file = "{file}" }}')
    return "\n".join(lines)
