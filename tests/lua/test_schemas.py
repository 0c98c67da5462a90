"""What Kong is told of each vault's options is what Kong's own documentation has, and what our strategies take."""

import json
from pathlib import Path

import pytest

from docs.fill_lua_schemas import NAMES, VAULTS, schema_text
from kong_vault_py import __version__
from kong_vault_py.options import options_of
from kong_vault_py.strategies.registry import BUILT_IN, load_strategy
from tests.lua.doors import run_lua

#: Kong's kong.conf reference: vault -> option -> default, all as text.
KONGS = json.loads((Path(__file__).parent / "vault-options.json").read_text())["options"]

OURS = {"agent_socket", "agent_host", "agent_port", "agent_token", "agent_timeout_s"}

#: Of Kong's metaschema (kong/db/schema/metaschema.lua): what a field may have, by type.
ATTRIBUTES = {"type", "required", "default", "description", "one_of", "between", "match", "referenceable", "encrypted"}
ONLY_FOR = {"match": {"string"}, "between": {"integer", "number"}, "one_of": {"string", "integer", "number"}}
#: How Kong reads kong.conf's text.
READ = {"string": str, "integer": int, "number": float, "boolean": lambda text: text in ("on", "true")}
LUA_TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


@pytest.fixture(scope="module")
def loaded(nginx_and_luajit):
    return json.loads(run_lua("schemas.lua", NAMES))


@pytest.fixture(scope="module")
def fields(loaded):
    """Vault -> option -> its field."""
    return {
        name: {option: field for entry in config_of(found)["fields"] for option, field in entry.items()}
        for name, found in loaded.items()
    }


def config_of(found):
    return found["schema"]["fields"][0]["config"]


def test_there_is_one_for_each_vault_but_kongs_own(loaded):
    assert set(NAMES) == BUILT_IN.keys() - {"env"} == KONGS.keys() - {"env"}
    for name, found in loaded.items():
        assert found["schema"]["name"] == name
        assert found["get"] == "function"
        assert found["version"] == __version__
    assert not (VAULTS / "env").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_written_from_the_options(name):
    assert (VAULTS / name / "schema.lua").read_text() == schema_text(name), "run: python -m docs.fill_lua_schemas"


@pytest.mark.parametrize("name", NAMES)
def test_kongs_options_are_there_with_kongs_defaults(fields, name):
    for option, default in KONGS[name].items():
        field = fields[name][option]
        # "0" means never refreshed, as nothing does: Kong itself takes a 0 as "at every rotation".
        if default in (None, "0"):
            continue
        assert field["default"] == READ[field["type"]](default), option


@pytest.mark.parametrize("name", NAMES)
def test_the_entitys_spellings_and_options_are_there(fields, name):
    assert {"ttl", "neg_ttl", "resurrect_ttl", "base64_decode", "decode_base64"} <= fields[name].keys()
    if name.startswith("azure"):
        assert fields[name]["credentials_prefix"]["default"] == "AZURE"
        assert "location" in fields[name]
    if name == "hcv":
        assert {"jwt_role", "oauth2_role_name"} <= fields[name].keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_one_that_the_strategy_takes(fields, name):
    known = {}
    for option in options_of(load_strategy(name).config_class):
        known |= dict.fromkeys((option.name, *option.aliases), option)

    assert fields[name].keys() - OURS == known.keys()
    for spelling, option in known.items():
        field = fields[name][spelling]
        assert field["type"] == option.kind
        assert tuple(field.get("one_of", ())) == option.one_of
        assert tuple(field.get("between", ())) == (option.between or ())
        assert field.get("match") == option.match
        assert field.get("encrypted", False) == option.secret
        assert field.get("referenceable", False) or not option.secret
        if spelling == option.name:
            assert field.get("default") == (option.default if option.default != "" else None)


@pytest.mark.parametrize("name", NAMES)
def test_kong_applies_each_default_where_there_is_no_entity_but_for_what_a_query_may_say(fields, name):
    # Missing there, it can be told from what somebody wrote; the agent has the same default (request.lua).
    told_apart = {option.name for option in options_of(load_strategy(name).config_class) if option.override}
    for option, field in fields[name].items():
        if field["type"] != "boolean":  # for kong.conf's on and off
            assert field.get("required", False) == ("default" in field and option not in told_apart), option


@pytest.mark.parametrize("name", NAMES)
def test_kongs_metaschema_takes_every_field(fields, name):
    for option, field in fields[name].items():
        assert field.keys() <= ATTRIBUTES, option
        assert 10 <= len(field["description"]) <= 500, option
        assert "default" not in field or isinstance(field["default"], LUA_TYPES[field["type"]]), option
        for attribute, kinds in ONLY_FOR.items():
            assert attribute not in field or field["type"] in kinds, option


def test_credentials_are_encrypted_and_may_be_references(fields):
    for name, option in [
        *(("hcv", f"{option}") for option in ("token", "approle_secret_id", "oauth2_client_secret")),
        *(("hcv", f"{option}") for option in ("cert_auth_cert_key", "aws_secret_access_key", "aws_auth_nonce")),
        ("conjur", "api_key"),
        ("gcp", "service_account"),
        ("azure", "client_secret"),
        ("azure-certs", "client_secret"),
        ("konnect", "node_token"),
        ("aws", "agent_token"),
    ]:
        assert fields[name][option]["encrypted"], (name, option)
        assert fields[name][option]["referenceable"], (name, option)


def test_an_entity_with_a_login_must_have_what_the_login_needs(loaded):
    checks = config_of(loaded["hcv"])["entity_checks"]
    needed = {}
    for check in checks:
        each = check.get("conditional_at_least_one_of")
        if each:
            needed.setdefault(each["if_match"]["eq"], []).append(each["then_at_least_one_of"])

    assert needed["approle"] == [["approle_role_id"], ["approle_secret_id", "approle_secret_id_file"]]
    assert needed["jwt"][0] == ["jwt_role", "oauth2_role_name"]
    # Its token may be in the agent's settings.
    assert "token" not in needed
    known = {option for entry in config_of(loaded["hcv"])["fields"] for option in entry}
    assert {name for groups in needed.values() for group in groups for name in group} <= known
