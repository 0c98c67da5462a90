"""Looks at each configured vault: whether it answers, whether its certificate holds, whether clocks agree."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kong_vault_py.diagnosis.finding import Finding, fail, fine, warn

if TYPE_CHECKING:
    from kong_vault_py.entities import VaultEntity
    from kong_vault_py.vault import Vault

__all__ = ["address_of", "of_clock", "of_tls", "of_vaults"]

#: AWS refuses signatures that are 5 minutes off; tokens with times in them suffer sooner.
_SKEW_S = 30.0


def of_vaults(vault: Vault, *, timeout_s: float, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Ask every configured vault how it is, and look at the way there where it doesn't answer."""
    entities = vault.entities()
    if not entities:
        yield warn("vaults", "no vault is configured", "kong-vault init settings writes a start; env needs none")
    for entity in entities:
        topic = f"vault {entity.prefix}"
        health = vault.check(entity.prefix, timeout_s=timeout_s)
        address = address_of(entity.config)
        if health.status.value == "ok":
            yield fine(topic, f"{entity.name} answers")
        else:
            yield fail(topic, health.detail or health.status.value, _remedy(entity))
            if address and address[0] == "https":
                yield from of_tls(topic, address[1], address[2], ca=_ca_of(entity.config), timeout_s=timeout_s)
        if address:
            yield from of_clock(topic, *address, timeout_s=timeout_s, now=now)


def address_of(config: Mapping[str, object]) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a vault, where its config says them."""
    for name in ("endpoint_url", "vault_uri", "manager_url"):
        written = config.get(name)
        if isinstance(written, str) and "://" in written:
            url = urlsplit(written)
            if url.hostname:
                return url.scheme, url.hostname, url.port or (443 if url.scheme == "https" else 80)
    host = config.get("host")
    if isinstance(host, str):
        scheme = str(config.get("protocol", "http"))
        return scheme, host, int(str(config.get("port", 8200)))
    return None


def of_tls(topic: str, host: str, port: int, *, ca: str | None, timeout_s: float) -> Iterator[Finding]:
    """Try the TLS handshake alone, and say what is wrong with the certificate."""
    try:
        context = ssl.create_default_context(cafile=ca)
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            yield fine(topic, f"TLS with {host}:{port} holds")
    except ssl.SSLCertVerificationError as error:
        yield fail(
            topic,
            f"the certificate of {host}:{port} doesn't hold: {error.verify_message}",
            "name the CA's file in the vault's options, or install it in the system's store; never turn checking off",
        )
    except ssl.SSLError as error:
        yield fail(topic, f"no TLS with {host}:{port}: {error.reason}", "is it plain HTTP, or another protocol?")
    except OSError as error:
        yield fail(topic, f"can't reach {host}:{port}: {error.strerror or error}", "look at host, port and firewall")


def of_clock(
    topic: str, scheme: str, host: str, port: int, *, timeout_s: float, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """Compare our clock with the vault's, by the Date of whatever it answers."""
    connection = HTTPSConnection if scheme == "https" else HTTPConnection
    asked = connection(host, port, timeout=timeout_s)
    try:
        asked.request("HEAD", "/")
        date = asked.getresponse().getheader("Date")
        theirs = parsedate_to_datetime(date).timestamp() if date else None
    except (OSError, HTTPException, ValueError):
        return  # said already by the vault's own check
    finally:
        asked.close()
    if theirs is not None and abs(now() - theirs) > _SKEW_S:
        yield warn(
            topic,
            f"our clock is {now() - theirs:+.0f} s off {host}'s",
            "logins with signatures or tokens will fail: run NTP on both",
        )


def _ca_of(config: Mapping[str, object]) -> str | None:
    for name in ("ca_cert", "cacert"):
        found = config.get(name)
        if isinstance(found, str) and found.startswith("/"):
            return found
    return None


def _remedy(entity: VaultEntity) -> str:
    return f"docs/strategies/{entity.name}.md has the options and what each error means; it is set in {entity.source}"
