"""Secrets in plain text: found where they are, not seen where they aren't, and never shown."""

import pytest

from kong_vault_py.linting.report import as_github, as_json, as_text
from kong_vault_py.linting.sarif import as_sarif
from tests.linting.asking import found_in, password, plugin, rules_in

PEM = "-----BEGIN PRIVATE KEY-----\\nxyz\\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("value", ["hunter2", "'changeme'", '"pass word"', "|\n        line\n        line", "!!str 5"])
def test_a_password_in_plain_text_is_an_error(value):
    (found,) = found_in(password(value))

    assert found.rule.id == "KV020"
    assert "config.redis.password of plugin rate-limiting" in found.message


@pytest.mark.parametrize(
    "value",
    [
        "",
        '""',
        "null",
        "~",
        '${{ env "DECK_REDIS_PASSWORD" }}',
        "'{{ redis_password }}'",
        "${REDIS_PASSWORD}",
        "$(REDIS_PASSWORD)",
        "<password>",
        "'******'",
        "REDACTED",
    ],
)
def test_what_is_empty_or_filled_in_later_is_no_secret(value):
    assert rules_in(password(value)) == []


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("rate-limiting", "{redis: {host: redis.internal, username: gateway}}"),
        ("datadog", "{host: localhost}"),
        ("key-auth", "{key_names: [apikey], hide_credentials: true}"),
        ("openid-connect", '{issuer: "https://idp.example", client_id: [gateway], scopes: [openid]}'),
        ("http-log", '{http_endpoint: "https://log.example/in", headers: {X-Source: kong}}'),
        ("jwt", "{secret_is_base64: false, key_claim_name: iss}"),
        ("ai-proxy", "{auth: {header_name: Authorization, param_name: key}}"),
        ("oauth2", "{token_expiration: 7200, refresh_token_ttl: 1209600}"),
        ("request-transformer", '{add: {headers: ["X-Api-Key:"], querystring: ["page: 1"]}}'),
        ("aws-lambda", "{aws_region: eu-west-1, aws_assume_role_arn: 'arn:aws:iam::1:role/x'}"),
    ],
)
def test_ordinary_config_is_no_secret(name, config):
    assert rules_in(plugin(name, config)) == []


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("http-log", '{http_endpoint: "https://joe:hunter2@log.example/"}'),
        ("http-log", '{headers: {Authorization: "hunter2"}}'),
        ("http-log", '{headers: {X-Trace: "Bearer abcdefghijkl"}}'),
        ("aws-lambda", "{aws_secret: abc}"),
        ("acme", "{eab_hmac_key: abc}"),
        ("ai-proxy", "{auth: {header_value: Bearer abc}}"),
        ("openid-connect", "{client_jwk: [{d: abc}]}"),
        ("openid-connect", "{client_secret: [abc]}"),
        ("request-transformer-advanced", '{add: {headers: ["Authorization: abc"]}}'),
        ("vault-request-transformer", '{add: {headers: ["Authorization: abc"]}}'),
        ("rate-limiting", "{redis_password: abc}"),
        ("session", f'{{secret: "{PEM}"}}'),
    ],
)
def test_secrets_of_many_plugins_are_found_where_a_reference_would_resolve(name, config):
    assert rules_in(plugin(name, config)) == ["KV020"]


@pytest.mark.parametrize(
    "text",
    [
        plugin("request-transformer", '{add: {headers: ["Authorization: Bearer abc"]}}'),
        plugin("somebody-elses", "{api_key: abc}"),
        plugin("key-auth", '{anonymous: "AKIAABCDEFGHIJKLMNOP"}'),
        "consumers: [{username: joe, keyauth_credentials: [{key: abc}]}]",
        "consumers: [{username: joe, basicauth_credentials: [{username: joe, password: abc}]}]",
        "consumers: [{username: joe, jwt_secrets: [{key: iss, secret: abc}]}]",
    ],
)
def test_a_secret_where_no_reference_resolves_is_a_note_with_another_door(text):
    (found,) = found_in(text)

    assert found.rule.id == "KV021"
    assert "render" in found.remedy


def test_certificates_and_keys():
    text = f'certificates: [{{cert: "-----BEGIN CERTIFICATE-----", key: "{PEM}"}}]'

    assert rules_in(text) == ["KV020"]
    assert rules_in('certificates: [{cert: "{vault://env/c}", key: "{vault://env/k}"}]') == []
    assert rules_in("keys: [{kid: a, pem: {private_key: abc, public_key: def}}]") == ["KV020"]
    assert rules_in('ca_certificates: [{cert: "{vault://env/c}"}]') == ["KV008"]


def test_decks_shared_configs_are_those_of_the_plugins_that_use_them():
    shared = "_format_version: '3.0'\n_plugin_configs: {limits: {redis: {password: abc, database: 1}}}\n"

    assert rules_in(shared + "plugins: [{name: rate-limiting, _config: limits}]") == ["KV020"]
    assert rules_in(shared, "services: [{name: a, plugins: [{name: rate-limiting, _config: limits}]}]") == ["KV020"]


@pytest.mark.parametrize(
    "text",
    [
        "services: [{name: a, plugins: [{name: session, config: {secret: abc}}]}]",
        "services: [{name: a, routes: [{name: b, plugins: [{name: session, config: {secret: abc}}]}]}]",
        "consumers: [{username: a, plugins: [{name: session, config: {secret: abc}}]}]",
        "consumer_groups: [{name: a, plugins: [{name: session, config: {secret: abc}}]}]",
        "{apiVersion: v1, kind: KongPlugin, plugin: session, config: {secret: abc}}",
        "{apiVersion: v1, kind: List, items: "
        "[{apiVersion: v1, kind: KongClusterPlugin, plugin: session, config: {secret: abc}}]}",
        "_format_version: '3.0'\nx: &base {secret: abc}\nplugins: [{name: session, config: {<<: *base}}]",
        '{"plugins": [\n\t{"name": "session", "config": {"secret": "abc"}}]}',
        "---\nplugins: []\n---\nplugins: [{name: session, config: {secret: abc}}]",
        "partials: [{name: p, type: redis-ee, config: {password: abc}}]",
    ],
)
def test_plugins_are_found_wherever_they_are(text):
    assert rules_in(text) == ["KV020"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kong.conf", "pg_password = abc # comment\n"),
        ("kong.conf", "pg_password=abc"),
        (".env", "KONG_PG_PASSWORD='abc'\nOTHER_PASSWORD=abc\n"),
        ("kong.env", "export KONG_PG_PASSWORD=abc\n"),
        ("-", "KONG_PG_PASSWORD=abc\n"),
        ("-", "database = postgres\npg_password = abc\n"),
        ("compose.yml", "services: {kong: {environment: {KONG_PG_PASSWORD: abc, POSTGRES_PASSWORD: abc}}}"),
        ("compose.yml", "services: {kong: {environment: [KONG_PG_PASSWORD=abc]}}"),
        ("pod.yml", "{apiVersion: v1, kind: Pod, spec: {containers: [{env: [{name: KONG_PG_PASSWORD, value: abc}]}]}}"),
    ],
)
def test_settings_of_kong_are_found_in_any_file_that_sets_them(name, text):
    assert rules_in(text, name=name) == ["KV020"]


@pytest.mark.parametrize(
    "text",
    ["ssl_cert_key = /etc/kong/key.pem", "# pg_password = abc", "pg_user = kong", "proxy_listen = 0.0.0.0:8000 ssl"],
)
def test_ordinary_settings_are_fine(text):
    assert rules_in(text, name="kong.conf") == []


def test_deck_reads_only_its_own_variables():
    (found,) = found_in(password('${{ env "REDIS_PASSWORD" }}'))

    assert found.rule.id == "KV022"
    assert "DECK_REDIS_PASSWORD" in found.remedy


def test_no_report_ever_shows_a_value():
    canary = "Canary4711"
    text = f"""
        vaults:
        - {{name: hcv, prefix: team-red, config: {{token: {canary}, port: {canary}, kv: {canary}}}}}
        - {{name: fs, prefix: Team, config: {{prefix: 5, ttl: {canary}}}}}
        plugins:
        - name: rate-limiting
          config: {{redis: {{password: {canary}, username: "{{vault:/{canary}", port: "https://u:{canary}@x"}}}}
        - name: session
          config: {{secret: "{{vault://hcv/x?token={canary}&ttl={canary}#{canary}}}"}}
        - name: session
          config: {{secret: "{{vault://hcv/x?token={canary}&ttl={canary}}}"}}
        - name: post-function
          config: {{access: [{canary}], access: [{canary}]}}
        consumers:
        - keyauth_credentials: [{{key: {canary}}}]
          basicauth_credentials: [{{password: 4711{canary}}}]
    """
    found = found_in(text)
    reports = "\n".join([*as_text(found), as_json(found, 1), as_sarif(found, "1"), *as_github(found)])

    assert {"KV003", "KV005", "KV011", "KV012", "KV020", "KV021", "KV033", "KV034"} <= {one.rule.id for one in found}
    assert canary not in reports
