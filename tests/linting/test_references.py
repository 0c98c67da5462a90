"""References: sound, leading somewhere, and in a place where somebody resolves them."""

import pytest

from tests.linting.asking import found_in, password, plugin, rules_in

HCV = """
vaults:
- name: hcv
  prefix: team-red
  config: {host: vault.internal, kv: v2, token: "{vault://env/hcv-token}"}
"""


@pytest.mark.parametrize(
    "value",
    [
        '"{vault://env/redis-password}"',
        "'{vault://env/redis/password#2}'",
        '"{vault://env/redis-password?prefix=SECRET_}"',
        '"{vault://team-red/redis/password#7}"',
        '"{vault://team-red/redis/password?ttl=300&base64_decode=true}"',
    ],
)
def test_a_sound_reference_in_a_referenceable_field_is_fine(value):
    assert rules_in(password(value), HCV) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"{vault:///x}"', "reference url is missing host"),
        ('"{vault://env}"', "reference url is missing path"),
        ('"{vault://env/}"', "reference url has empty path"),
        ('"{vault://env//}"', "reference url has invalid path"),
        ('"{vault://env/x#latest}"', "reference url has invalid version"),
    ],
)
def test_a_malformed_reference_is_told_in_kongs_words(value, message):
    (found,) = found_in(password(value))

    assert found.rule.id == "KV003"
    assert found.message.endswith(message)


def test_an_unknown_prefix_is_found_unless_a_file_or_the_user_declares_it():
    text = password('"{vault://team-red/redis/password}"')

    assert rules_in(text) == ["KV004"]
    assert rules_in(text, HCV) == []
    assert rules_in(text, prefixes=["team-red"]) == []


@pytest.mark.parametrize(
    "value",
    [
        '"{vault:/env/x}"',
        '"{vault//env/x}"',
        '"{valut://env/x}"',
        '"{vaul://env/x}"',
        '"{vaukt://env/x}"',
        '"{vaults://env/x}"',
        '"{Vault://env/x}"',
        '"{ vault://env/x}"',
        '"{{vault://env/x}}"',
        '"${vault://env/x}"',
        '"(vault://env/x)"',
        '"{vault://env/x"',
        "vault://env/x",
        "vault://env/x}",
    ],
)
def test_what_was_meant_as_a_reference_is_no_password(value):
    assert rules_in(password(value)) == ["KV005"]


@pytest.mark.parametrize("value", ["default://x", "http://vault:8200/x", '"{fault-tolerant}"', "s3://vault/x"])
def test_what_only_resembles_one_is_a_plain_password(value):
    assert rules_in(password(value)) == ["KV020"]


@pytest.mark.parametrize(
    "value", ['"{vault://env/x} "', '" {vault://env/x}"', '"{vault://env/x}\\n"', "|\n        {vault://env/x}"]
)
def test_blanks_beside_a_reference_make_it_text(value):
    assert rules_in(password(value)) == ["KV006"]


def test_a_reference_inside_a_text_needs_our_plugin():
    config = '{add: {headers: ["Authorization: Bearer {vault://env/token}"]}}'

    assert rules_in(plugin("request-transformer", config)) == ["KV007"]
    assert rules_in(plugin("vault-request-transformer", config)) == []


def test_two_references_in_a_row_are_one_to_kong():
    assert rules_in(password('"{vault://env/a}{vault://env/b}"')) == ["KV007"]


def test_a_field_without_references_is_named_with_the_door_that_has_them():
    (found,) = found_in(plugin("request-transformer", '{add: {headers: ["{vault://env/header}"]}}'))

    assert found.rule.id == "KV008"
    assert "vault-request-transformer" in found.remedy


@pytest.mark.parametrize(
    ("plugin_name", "config"),
    [
        ("http-log", '{http_endpoint: "http://x", headers: {X-Api: "{vault://env/x}"}}'),
        ("openid-connect", '{issuer: "{vault://env/x}", client_secret: ["{vault://env/x}"]}'),
        ("request-callout", '{callouts: [{request: {headers: {custom: {X.Y: "{vault://env/x}"}}}}]}'),
        ("ai-proxy-advanced", '{targets: [{auth: {header_value: "{vault://env/x}"}}]}'),
        ("acme", '{account_email: "{vault://env/x}", storage_config: {redis: {password: "{vault://env/x}"}}}'),
        ("somebody-elses", '{token: "{vault://env/x}"}'),
    ],
)
def test_arrays_maps_records_and_unknown_plugins_are_fine(plugin_name, config):
    assert rules_in(plugin(plugin_name, config)) == []


def test_the_edition_decides():
    enterprise_field = plugin("rate-limiting", '{redis: {host: "{vault://env/x}"}}')

    assert rules_in(enterprise_field) == []
    assert rules_in(enterprise_field, edition="oss") == ["KV014"]
    assert rules_in(plugin("saml", "{session_secret: x}"), edition="oss") == ["KV014"]
    assert rules_in(plugin("session", '{secret: "{vault://env/x}"}'), edition="oss") == []


def test_the_version_decides():
    text = plugin("rate-limiting", '{redis: {host: "{vault://env/x}"}}')

    assert rules_in(text, kong="3.12", edition="enterprise") == ["KV015"]
    assert rules_in(text, kong="3.13", edition="enterprise") == []
    assert rules_in(plugin("opentelemetry", '{access_logs_endpoint: "{vault://env/x}"}'), kong="3.14") == ["KV015"]
    assert rules_in(plugin("opentelemetry", '{access_logs_endpoint: "{vault://env/x}"}'), kong="3.13") == []
    assert rules_in(password('"{vault://conjur/x}"'), kong="3.10", edition="enterprise") == ["KV015"]


def test_kong_oss_needs_our_lua_strategies_beyond_env():
    text = password('"{vault://hcv/x}"')

    assert rules_in(text, edition="oss") == ["KV013"]
    assert rules_in(text, edition="enterprise") == []
    assert rules_in(password('"{vault://env/x}"'), edition="oss") == []
    assert rules_in(text, "environment: {KONG_VAULTS: 'bundled,hcv'}", edition="oss") == []
    assert rules_in(HCV, edition="oss") == ["KV013"]
    assert rules_in(HCV, "environment: [KONG_VAULTS=hcv]", edition="oss") == []


@pytest.mark.parametrize(
    ("reference", "rules"),
    [
        ("{vault://azure/x#2}", ["KV009"]),
        ("{vault://conjur/x#2}", ["KV009"]),
        ("{vault://env/x#3}", ["KV009"]),
        ("{vault://env/x#2}", []),
        ("{vault://aws/x#1}", []),
        ("{vault://old/x#3}", ["KV009"]),
        ("{vault://team-red/x#3}", []),
        ("{vault://old/x?kv=v2#3}", []),
    ],
)
def test_versions_are_for_the_vaults_that_have_them(reference, rules):
    old = "vaults: [{name: hcv, prefix: old, config: {token: '{vault://env/t}'}}]"

    assert rules_in(password(f'"{reference}"'), HCV, old) == rules


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("prefx=A", ["KV010"]),
        ("ttl=abc", ["KV012"]),
        ("ttl=-1", ["KV012"]),
        ("ttl=0", ["KV040"]),
        ("ttl=1", []),
        ("neg_ttl=0", ["KV041"]),
        ("neg_ttl=5", ["KV042"]),
        ("ttl=10&resurrect_ttl=5", ["KV042"]),
        ("ttl=600&neg_ttl=300&resurrect_ttl=60", []),
        ("prefix=A_", []),
    ],
)
def test_the_query_is_checked_against_the_strategys_options(query, rules):
    assert rules_in(password(f'"{{vault://env/x?{query}}}"')) == rules


def test_a_query_may_not_say_where_the_vault_is():
    found = found_in(password('"{vault://hcv/x?host=evil.example&token=canary}"'))

    assert [one.rule.id for one in found] == ["KV011", "KV011"]
    assert "hcv.host" in found[0].remedy
    assert not any("evil" in one.message + one.remedy or "canary" in one.message + one.remedy for one in found)


def test_a_path_that_kong_cuts_is_told():
    assert rules_in(password('"{vault://env/a;b}"')) == ["KV023"]
    assert rules_in(password('"{vault://env/a+b}"')) == ["KV023"]


def test_references_elsewhere_in_kongs_file_are_found_and_prose_is_left_alone():
    text = """
        services:
        - name: a
          host: "{vault://env/host}"
          tags: ["see {vault://env/host}"]
        plugins:
        - name: pre-function
          config: {access: ["return kong.vault.get('{vault://env/x}')"]}
        vaults:
        - {name: env, prefix: my-env, description: "use {vault://my-env/x}"}
    """
    assert rules_in(text) == ["KV008"]


def test_kong_conf_knows_no_entities():
    found = found_in("pg_password = {vault://team-red/pg/password}\n", HCV, name="kong.conf")

    assert [one.rule.id for one in found] == ["KV004"]
    assert "before any entity" in found[0].message
    assert rules_in("pg_password = {vault://hcv/pg/password}\n", name="kong.conf") == []


def test_our_own_settings_file_knows_them():
    text = "vault_py_entities = kong.yml\nvault_aws_assume_role_arn = {vault://team-red/role}\n"

    assert rules_in(text, HCV, name="settings.conf") == []
