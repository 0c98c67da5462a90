"""``kong-vault parse``: components, and why they are what they are."""

import json

import pytest

from kong_vault_py.surprises import surprises
from tests.cli.running import kong_vault


def test_the_components_of_a_reference_are_shown():
    done = kong_vault("parse", "vault://hcv/team/redis/password?ttl=30#2")

    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "prefix:   hcv",
        "resource: team/redis",
        "key:      password",
        'config:   {"ttl": "30"}',
        "version:  2",
    ]


def test_json_has_the_components_and_the_reasons():
    done = kong_vault("parse", "--json", "--why", "{vault://hcv/redis/}")

    parsed = json.loads(done.stdout)
    assert (parsed["resource"], parsed["key"], parsed["version"]) == ("redis", None, None)
    assert parsed["why"] == ["the '/' at the end makes it the whole secret 'redis', without a key."]


def test_what_is_no_reference_is_told_in_kongs_words():
    done = kong_vault("parse", "vault://hcv")

    assert done.returncode == 1
    assert done.stderr == b"kong-vault parse: reference url is missing path [{vault://hcv}]\n"


def test_a_plain_reference_has_no_surprise():
    assert b"nothing surprising" in kong_vault("parse", "--why", "vault://env/some-secret").stdout


def test_names_that_are_no_text_are_printed_as_they_are():
    assert b"resource: a\xff\n" in kong_vault("parse", "vault://env/a%ff").stdout


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("{vault://hcv/a/b}", "'b', is a key inside the secret 'a'"),
        ("{vault://hcv/a;x/b}", "';x/b' is dropped"),
        ("{vault://hcv/a%252Fb/c}", "decoded twice"),
        ("{vault://hcv/a%zz/c}", "stays as it is"),
        ("{vault://hcv/a+b/c}", "a plus sign is a space"),
        ("{vault://hcv//a//b}", "empty segments"),
        ("{vault://me@hcv:80/a/b}", "the vault is 'hcv'"),
        ("{vault://hcv/a/b#0x10}", "version 16"),
        ("{vault://hcv/a/b?kv=v1&kv=v2}", "a list of both"),
        ("{vault://hcv/a/b?base64_decode}", "boolean true: base64_decode"),
        ("{vault://hcv/a/b?=1&ttl=2}", "without a name are dropped"),
        ("{vault://hcv/a/b?token={vault://env/t}}", "not resolved"),
    ],
)
def test_each_surprise_is_explained(reference, reason):
    assert any(reason in told for told in surprises(reference))
