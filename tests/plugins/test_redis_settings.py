from __future__ import annotations

from typing import Any

import pytest

from kong_vault_py import ConfigError, Secret
from kong_vault_py.plugin_kit.redis_settings import REDIS_FIELDS, REFERENCE_OPTIONS, RedisSettings
from kong_vault_py.plugin_kit.schema_defaults import with_defaults


def settings(**config: Any) -> RedisSettings:
    return RedisSettings.from_config(with_defaults(REDIS_FIELDS, config))


def test_an_empty_section_means_redis_on_this_machine():
    plain = settings()

    assert (plain.host, plain.port, plain.username, plain.password, plain.database) == (
        "127.0.0.1",
        6379,
        None,
        None,
        0,
    )
    assert (plain.ssl, plain.ssl_verify, plain.server_name) == (False, True, None)
    assert (plain.connect_timeout_s, plain.io_timeout_s, plain.pool_size) == (2.0, 2.0, 256)


def test_one_timeout_counts_where_no_other_is_given():
    assert settings(timeout=500).connect_timeout_s == 0.5
    given = settings(timeout=500, connect_timeout=100, send_timeout=200, read_timeout=300)
    assert (given.connect_timeout_s, given.io_timeout_s) == (0.1, 0.3)


def test_options_that_hold_no_reference_take_theirs_from_the_map():
    resolved = settings(
        references={
            "port": Secret("7000"),
            "database": Secret("3"),
            "ssl": Secret("true"),
            "ssl_verify": Secret("Off"),
            "timeout": Secret("250\n"),
        }
    )

    assert (resolved.port, resolved.database, resolved.ssl, resolved.ssl_verify) == (7000, 3, True, False)
    assert resolved.connect_timeout_s == resolved.io_timeout_s == 0.25


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("port", "sesame", "a whole number between 0 and 65535"),
        ("port", "70000", "a whole number between 0 and 65535"),
        ("ssl", "sesame", "true or false"),
        ("read_timeout", "", "a whole number between 0 and 2147483646"),
    ],
)
def test_a_secret_that_does_not_fit_its_option_is_named_but_not_shown(name, value, wanted):
    with pytest.raises(ConfigError) as raised:
        settings(references={name: Secret(value)})

    assert str(raised.value) == f"redis.references.{name}: its value is not {wanted}"


def test_the_map_takes_known_options_only():
    with pytest.raises(ConfigError, match="no option 'password'; known are port, database"):
        settings(references={"password": Secret("x")})
    schema = next(field["references"] for field in REDIS_FIELDS if "references" in field)
    assert schema["keys"]["one_of"] == list(REFERENCE_OPTIONS)


def test_equal_settings_are_equal_and_show_no_secret():
    one, other = (settings(host=Secret("redis.internal"), password=Secret("sesame-open")) for _ in range(2))

    assert one == other
    assert hash(one) == hash(other)
    assert one != settings(host=Secret("redis.internal"), password=Secret("another"))
    assert one.where == "Redis at ***:6379"
    assert "sesame" not in repr(one)
