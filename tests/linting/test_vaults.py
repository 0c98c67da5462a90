"""Vault entities and settings of strategies."""

import pytest

from tests.linting.asking import found_in, rules_in


def vault(config, name="hcv", prefix="team-red"):
    return f"vaults:\n- name: {name}\n  prefix: {prefix}\n  config: {config}\n"


TOKEN = '"{vault://env/hcv-token}"'


def test_a_sound_entity_is_fine():
    assert rules_in(vault(f"{{host: vault.internal, port: 8200, token: {TOKEN}, ttl: 300, decode_base64: true}}")) == []
    assert rules_in(vault("{region: eu-west-1}", name="aws")) == []
    kubernetes = "{apiVersion: v1, kind: KongVault, spec: {backend: env, prefix: my-env, config: {prefix: a_}}}"
    assert rules_in(kubernetes) == []


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("vaults: [{prefix: team-red}]", ["KV030"]),
        ("vaults: [{name: env}]", ["KV030"]),
        (vault("{}", name="env", prefix="env"), ["KV031"]),
        (vault("{}", name="env", prefix="Team"), ["KV031"]),
        (vault("{}", name="env", prefix="a_b"), ["KV031"]),
        (vault("{}", name="env", prefix="my-"), ["KV031"]),
        (vault("{}", name="env", prefix="a"), ["KV031"]),
        (vault("{}", name="env", prefix="a1"), []),
        ("vaults: [{name: env, prefix: aa}, {name: env, prefix: aa}]", ["KV032"]),
        (vault(f"{{hots: x, token: {TOKEN}}}"), ["KV033"]),
        (vault(f"{{port: abc, token: {TOKEN}}}"), ["KV033"]),
        (vault(f"{{port: [1], token: {TOKEN}}}"), ["KV033"]),
        (vault(f"{{kv: v3, token: {TOKEN}}}"), ["KV033"]),
        (vault("{host: x}"), ["KV033"]),
        (vault("{token: abc}"), ["KV034"]),
        (vault("{token: hvs.abcdefghijklmnopqrstuvwxyz}"), ["KV034"]),
        (vault('{token: "{valut://env/token}"}'), ["KV005", "KV034"]),
        (vault("{token: '${{ env \"DECK_TOKEN\" }}'}"), []),
        (vault(f"{{fetch_timeout_s: 3, token: {TOKEN}}}"), ["KV035"]),
        (vault("{ttl: 300}", name="env", prefix="my-env"), ["KV035"]),
        (vault('{token: "{vault://team-red/token}"}'), ["KV036"]),
        (vault("{}", name="hvc"), ["KV037"]),
        (vault(f"{{ttl: 0, token: {TOKEN}}}"), ["KV040"]),
        (vault(f"{{neg_ttl: 0, token: {TOKEN}}}"), ["KV041"]),
        (vault(f"{{neg_ttl: 60, token: {TOKEN}}}"), ["KV042"]),
        (vault(f"{{ttl: 30, resurrect_ttl: 30, token: {TOKEN}}}"), ["KV042"]),
        (vault(f"{{ttl: 30, token: {TOKEN}}}"), []),
        (vault("{token: {vault://env/t}}"), ["KV017", "KV033"]),
    ],
)
def test_what_is_wrong_with_an_entity(text, rules):
    assert sorted(rules_in(text)) == rules


def test_two_files_may_not_use_one_prefix_and_each_finding_names_its_file():
    found = found_in(vault("{}", name="env"), vault("{}", name="env"))

    assert [(one.rule.id, one.source.name) for one in found] == [("KV032", "other-0.yml")]


def test_settings_of_strategies_are_checked_like_entities():
    assert rules_in("vault_hcv_token = abc\n", name="kong.conf") == ["KV034"]
    assert rules_in("vault_hcv_hots = abc\n", name="kong.conf") == ["KV033"]
    assert rules_in("vault_azure_certs_ttl = 0\n", name="kong.conf") == ["KV040"]
    assert rules_in("KONG_VAULT_HCV_TOKEN={vault://env/token}\nKONG_VAULT_HCV_PORT=x\n", name=".env") == ["KV033"]
    assert rules_in("vault_hcv_host = vault.internal\nvault_hcv_ttl = 300\n", name="kong.conf") == []
    assert rules_in("vault_hcv_token = {vault://hcv/token}\n", name="kong.conf") == ["KV036"]
