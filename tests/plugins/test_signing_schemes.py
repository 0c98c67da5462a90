"""HMAC over headers and Standard Webhooks: checked as their receivers check them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any

import pytest

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.signing.http_signature import HttpSignature
from kong_vault_py.plugin_kit.signing.outgoing import Outgoing
from kong_vault_py.plugin_kit.signing.standard_webhook import sign_webhook
from kong_vault_py.secret import Secret

REQUEST = Outgoing("POST", "/a%20b", "x=1", {"x-a": ["1", "2"], "date": ["old"]}, b"body", "api.example:8443")


def way(**changes: Any) -> HttpSignature:
    defaults: dict[str, Any] = {
        "algorithm": "hmac-sha256",
        "headers": ("@request-target",),
        "scheme": "hmac",
        "header": "authorization",
        "date_header": "date",
        "digest": True,
    }
    return HttpSignature(**{**defaults, **changes})


def test_kongs_own_format():
    signed = way().sign(REQUEST, "alice", Secret("key"), 0)

    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    text = f"@request-target: post /a%20b?x=1\ndate: Thu, 01 Jan 1970 00:00:00 GMT\ndigest: {digest}"
    signature = base64.b64encode(hmac.new(b"key", text.encode(), "sha256").digest()).decode()
    assert signed == {
        "date": "Thu, 01 Jan 1970 00:00:00 GMT",
        "digest": digest,
        "authorization": f'hmac username="alice", algorithm="hmac-sha256", headers="@request-target date digest", '
        f'signature="{signature}"',
    }


# The pattern by which Kong's hmac-auth reads it (retrieve_hmac_fields).
KONGS = re.compile(r'\s*[Hh]mac\s*username="(.+)",\s*algorithm="(.+)",\s*headers="(.+)",\s*signature="(.+)"')
DRAFTS = re.compile(r'(?:Signature )?keyId="([^"]+)",algorithm="([^"]+)",headers="([^"]+)",signature="([^"]+)"')


def verified(header: str, pattern: re.Pattern[str], request: Outgoing, signed: dict[str, str], key: bytes) -> bool:
    """Check a signature as a receiver does: from the request that it got."""
    found = pattern.fullmatch(header)
    assert found
    seen = {"host": request.host, **{name: ", ".join(values) for name, values in request.headers.items()}, **signed}
    lines = []
    for name in found[3].split(" "):
        if name.strip("@()") == "request-target":
            lines.append(f"{name}: {request.method.lower()} {request.target}")
        elif name == "request-line":
            lines.append(f"{request.method} {request.target} HTTP/1.1")
        else:
            lines.append(f"{name}: {seen[name]}")
    expected = hmac.new(key, "\n".join(lines).encode(), found[2].partition("-")[2]).digest()
    return hmac.compare_digest(expected, base64.b64decode(found[4]))


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha384", "hmac-sha512"])
@pytest.mark.parametrize(
    ("scheme", "header", "pattern"),
    [
        ("hmac", "proxy-authorization", KONGS),
        ("signature", "authorization", DRAFTS),
        ("signature", "signature", DRAFTS),
    ],
)
def test_receivers_accept_it_and_notice_a_change(algorithm, scheme, header, pattern):
    names = ("request-line", "(request-target)", "host", "x-a", "absent")
    signed = way(algorithm=algorithm, scheme=scheme, header=header, headers=names, date_header="x-date").sign(
        REQUEST, "alice", Secret("key"), 1e9
    )
    moved = Outgoing("POST", "/other", "x=1", REQUEST.headers, b"body", REQUEST.host)

    assert verified(signed[header], pattern, REQUEST, signed, b"key")
    assert not verified(signed[header], pattern, moved, signed, b"key")
    assert not verified(signed[header], pattern, REQUEST, {**signed, "digest": "SHA-256=x"}, b"key")
    assert not verified(signed[header], pattern, REQUEST, signed, b"other")
    assert "absent" not in signed[header]


def test_without_digest_the_clients_own_may_be_signed():
    request = Outgoing("GET", "/", "", {"digest": ["theirs"]}, None, "")

    signed = way(digest=False, headers=("digest",)).sign(request, "alice", Secret("key"), 0)

    assert "digest" not in signed
    assert 'headers="digest date"' in signed["authorization"]


@pytest.mark.parametrize("changes", [{"headers": ("via",)}, {"headers": ("X-Forwarded-For",)}, {"header": "signature"}])
def test_what_can_not_be_signed(changes):
    with pytest.raises(ConfigError):
        way(**changes)


@pytest.mark.parametrize(("username", "key"), [('a"b', "key"), ("a\nb", "key"), ("", "key"), ("alice", "")])
def test_keys_that_can_not_be(username, key):
    with pytest.raises(ConfigError):
        way().sign(REQUEST, username, Secret(key), 0)


# The example of the Standard Webhooks libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = Outgoing("POST", "", "", {"x-event": ["msg_p5jXN8AQM9LWM0D4loKWxJek"]}, b'{"test": 2432232314}', "")


def test_the_example_of_standard_webhooks():
    assert sign_webhook(EVENT, [Secret(SECRET)], 1614265330.9, id_header="x-event") == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_key_signs():
    other = "whsec_" + base64.b64encode(b"another key").decode()

    both = sign_webhook(EVENT, [Secret(SECRET), Secret(other)], 1614265330, id_header="x-event")["webhook-signature"]

    first, second = both.split(" ")
    assert first == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert second.startswith("v1,")
    assert second != first


@pytest.mark.parametrize("given", ["a.1614265330", "a b", "", "a" * 257])
def test_an_id_that_could_be_taken_for_something_else_is_made_new(given):
    request = Outgoing("POST", "", "", {"x-event": [given]}, b"", "")
    made = [sign_webhook(request, [Secret(SECRET)], 0, id_header="x-event")["webhook-id"] for _ in range(2)]

    assert all(re.fullmatch(r"msg_[0-9a-f]{32}", message_id) for message_id in made)
    assert made[0] != made[1]


@pytest.mark.parametrize("key", ["whsec_!!!", "not base64", "whsec_ü"])
def test_a_key_that_is_no_base64_is_not_shown(key):
    with pytest.raises(ConfigError) as raised:
        sign_webhook(EVENT, [Secret(key)], 0, id_header=None)

    assert key not in str(raised.value)


def test_no_key_at_all():
    with pytest.raises(ConfigError):
        sign_webhook(EVENT, [Secret("whsec_")], 0, id_header=None)
