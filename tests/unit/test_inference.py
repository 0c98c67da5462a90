from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_vault_py.reference import parse_reference
from kong_vault_py.schema.hostname import host_problem
from kong_vault_py.schema.inference import (
    Field,
    config_by_name,
    config_hash,
    infer_value,
    merge_overrides,
    validate_field,
)
from kong_vault_py.secret import Secret

HCV = {
    "host": Field.from_kong({"typedef": "host", "default": "127.0.0.1"}),
    "port": Field.from_kong({"typedef": "port", "required": True, "default": 8200}),
    "kv": Field(type="string", one_of=("v1", "v2")),
    "ttl": Field.from_kong({"typedef": "ttl"}),
}


def test_a_reference_overrides_its_entity():
    reference = parse_reference("{vault://my-hcv/redis/password?ttl=60&kv=v2&colour=red}")

    config = merge_overrides(HCV, {"host": "vault.internal", "ttl": 5, "kv": "v1"}, reference.config)

    assert config == {"host": "vault.internal", "kv": "v2", "ttl": 60}


def test_a_wrong_override_takes_the_base_value_with_it():
    assert merge_overrides(HCV, {"kv": "v1", "ttl": 5}, {"kv": "v9"}) == {"ttl": 5}


def test_settings_of_kong_conf_configure_a_vault_by_name():
    settings = {"vault_hcv_host": "vault.internal", "vault_hcv_ttl": "1e2", "vault_hcv_kv": "v9"}

    assert config_by_name("hcv", HCV, settings) == {"host": "vault.internal", "port": 8200, "ttl": 100}


def test_equal_configs_have_equal_hashes_however_they_were_written():
    written = config_hash("hcv", HCV, merge_overrides(HCV, {"ttl": "60"}))

    assert written == config_hash("hcv", HCV, {"ttl": 60.0})
    assert written != config_hash("hcv", HCV, {"ttl": 61})
    assert written != config_hash("aws", HCV, {"ttl": 60})
    assert len(written) == 22


def test_a_list_has_a_stable_hash():
    hosts = ["hosts"]

    assert config_hash("x", hosts, {"hosts": ["a", "b"]}) == config_hash("x", hosts, {"hosts": ["a", "b"]})
    assert config_hash("x", hosts, {"hosts": ["a", "b"]}) != config_hash("x", hosts, {"hosts": ["a, b"]})


def test_masked_secrets_would_share_a_hash():
    with pytest.raises(TypeError, match="plain values, not Secret"):
        config_hash("hcv", ["token"], {"token": Secret("s3cret")})


def test_inference_leaves_its_argument_alone():
    field = Field(type="array", elements=Field(type="integer"))
    given_value = ["1", "x"]

    assert infer_value(field, given_value) == [1, "x"]
    assert given_value == ["1", "x"]


def test_tables_are_inferred_and_validated_inside():
    limits = Field(type="map", keys=Field(type="string"), values=Field(type="integer"))
    login = Field.from_kong(
        {
            "type": "record",
            "fields": [{"user": {"type": "string", "required": True}}, {"id": {"type": "integer"}}],
        }
    )

    assert infer_value(limits, {"a": "1"}) == {"a": 1}
    assert validate_field(limits, {"a": "x"}) == "expected an integer"
    assert infer_value(login, {"user": "x", "id": "7"}) == {"user": "x", "id": 7}
    assert validate_field(login, {"id": "x"}) == {
        "id": "expected an integer",
        "user": "required field missing",
    }
    assert validate_field(login, {"user": "x"}) is None


def test_an_integer_may_be_any_size():
    assert validate_field(Field(type="integer"), 10**400) is None
    assert validate_field(Field(type="integer", between=(0, 1)), 10**400) == "value should be between 0 and 1"


def test_lengths_count_bytes_and_items():
    assert validate_field(Field(type="string", len_max=1), "é") == "length must be at most 1"
    assert validate_field(Field(type="array", elements=Field("string"), len_min=1), []) == "length must be at least 1"
    assert validate_field(Field(type="string", eq="a"), None) == "value must be a"


def test_an_array_needs_to_know_its_elements():
    with pytest.raises(ValueError, match="needs elements"):
        validate_field(Field(type="array"), ["a"])


@pytest.mark.parametrize(
    "host",
    [
        "vault",
        "vault.internal",
        "vault.internal.",
        "a_b",
        "127.0.0.1",
        "::1",
        "[::1]",
        "1:2:3:4:5:6:7:8",
        "fe80::",
    ],
)
def test_hosts(host):
    assert host_problem(host) is None


@pytest.mark.parametrize(
    "host", ["", "a b", "-.", "a..b", "a-.b", ".a", "256.0.0.1", "1.2.3", "g::1", "1::2::3", "[::1"]
)
def test_no_hosts(host):
    assert host_problem(host) == f"invalid value: {host}"


@pytest.mark.parametrize("host", ["vault:8200", "127.0.0.1:8200", "[::1]:8200", "vault:99999"])
def test_a_host_brings_no_port(host):
    assert host_problem(host) == "must not have a port"


@given(
    st.sampled_from([*HCV.values(), Field("boolean"), Field("integer"), Field("array", elements=Field("number"))]),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
)
def test_inferring_twice_changes_nothing(field, value):
    once = infer_value(field, value)

    assert repr(infer_value(field, once)) == repr(once)
    assert validate_field(field, once) == validate_field(field, once)
