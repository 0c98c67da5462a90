"""What is sent to the agent: what an operator set, by its first name, and nothing of what is Kong's or ours."""

import json

import pytest

from kong_vault_py.options import options_of
from kong_vault_py.strategies.registry import load_strategy
from tests.lua.doors import call, run_lua
from tests.lua.fake_agent import says


@pytest.fixture
def sent(nginx_and_luajit, fake_agent):
    """Makes one call on the command line and returns the body that arrived: ``sent("hcv", "x", **config)``."""
    agent = fake_agent(says("s3cret"))

    def send(strategy, resource, version=None, *, exact=False, before="", environment=None, **config):
        config = agent.options | config
        calls = [call(strategy, resource, version, exact=exact, **config)]
        found = json.loads(run_lua("command_line.lua", calls, before=before, environment=environment))
        assert found[0]["err"] is None, found
        return agent.requests.pop().body

    return send


def entity(strategy, **config):
    """Return the config of a vault entity, as Kong fills it in."""
    known = options_of(load_strategy(strategy).config_class)
    return {option.name: option.default for option in known if option.default not in (None, "")} | config


def test_an_option_goes_as_kong_infers_it(sent):
    body = sent("hcv", "x", port="8201", mount="team/kv", ssl_verify="false", ttl="0.5", token="s.canary")

    assert body["config"] == {"port": 8201, "mount": "team/kv", "ssl_verify": False, "ttl": 0.5, "token": "s.canary"}


def test_defaults_stay_home_so_that_the_agent_knows_what_an_operator_said(sent):
    assert sent("hcv", "x")["config"] == {}
    assert sent("azure-certs", "x", exact=True, **entity("azure-certs"))["config"] == {}
    assert sent("azure-certs", "x", exact=True, **entity("azure-certs", ttl=60))["config"] == {"ttl": 60}


@pytest.mark.parametrize(
    ("strategy", "config", "expected"),
    [
        ("fs", {"decode_base64": "true"}, {"base64_decode": True}),
        ("fs", {"base64_decode": "true"}, {"base64_decode": True}),
        ("fs", {"base64_decode": "true", "decode_base64": "true"}, {"base64_decode": True}),
        ("hcv", {"oauth2_role_name": "gateway"}, {"jwt_role": "gateway"}),
        ("hcv", {"oauth2_role_name": "other", "jwt_role": "gateway"}, {"jwt_role": "gateway"}),
    ],
)
def test_kongs_other_spellings_mean_the_same(sent, strategy, config, expected):
    assert sent(strategy, "x", **config)["config"] == expected


def test_what_kong_cleared_and_what_is_no_option_is_left_out(sent):
    body = sent("hcv", "x", exact=True, mount=None, namespace="", host={}, nonsense="x", agent_timeout_s=5, kv="v2")

    assert body["config"] == {"namespace": "", "kv": "v2"}


@pytest.mark.parametrize(
    ("version", "expected"), [(None, None), (2, 2), (0, 0), (-1, -1), (1.5, 1.5), (1732171234567, 1732171234567)]
)
def test_a_version_is_a_number_or_null(sent, version, expected):
    assert sent("hcv", "x", version)["version"] == expected


def test_any_text_is_a_resource(sent):
    for resource in ['a "b" \\ / {x}', "ключ/ß", "a\nb\tc\x00d", "x" * 10_000]:
        assert sent("fs", resource)["resource"] == resource


@pytest.mark.parametrize("written", ["on", "off"])
def test_kong_conf_may_say_on_and_off(sent, written):
    # Kong's own schemas drop them: only true and false are booleans there.
    expected = {"ssl_verify": written == "on"}

    in_workers = f"kong = {{ configuration = {{ vault_hcv_ssl_verify = '{written}' }} }}"
    assert sent("hcv", "x", ssl_verify=written, before=in_workers)["config"] == expected
    on_the_command_line = {"KONG_VAULT_HCV_SSL_VERIFY": written}
    assert sent("hcv", "x", ssl_verify=written, environment=on_the_command_line)["config"] == expected


def test_an_entitys_switches_are_not_turned_by_kong_conf(sent):
    environment = {"KONG_VAULT_HCV_SSL_VERIFY": "off", "KONG_VAULT_HCV_DECODE_BASE64": "on"}

    body = sent("hcv", "x", exact=True, environment=environment, **entity("hcv"))

    assert body["config"] == {}


def test_a_default_that_a_references_query_says_counts_and_one_that_kong_filled_in_does_not(sent):
    # The agent's own settings may say kv = v2.
    assert sent("hcv", "x", kv="v1", base64_decode="false")["config"] == {"kv": "v1", "base64_decode": False}
    assert sent("hcv", "x", host="127.0.0.1", port="8200")["config"] == {}
    assert sent("hcv", "x", exact=True, **entity("hcv"))["config"] == {}
    assert sent("hcv", "x", exact=True, **entity("hcv", kv="v2"))["config"] == {"kv": "v2"}


def test_a_credential_by_a_reference_to_the_environment_works_while_kong_reads_its_kong_conf(sent):
    body = sent("hcv", "x", token="{vault://env/hcv-token}", environment={"HCV_TOKEN": "s.canary"})

    assert body["config"] == {"token": "s.canary"}


def test_a_credential_by_another_reference_is_an_error_that_says_what_to_do(nginx_and_luajit, fake_agent):
    agent = fake_agent(says("s3cret"))
    calls = [
        call("azure-certs", "x", client_secret=reference, **agent.options)
        for reference in ("{vault://env/unset}", "{vault://fs/azure}")
    ]

    found = json.loads(run_lua("command_line.lua", calls))

    expected = (
        "vault 'azure-certs': Kong has not resolved the reference in option 'client_secret'; "
        "give the value in KONG_VAULT_AZURE_CERTS_CLIENT_SECRET"
    )
    assert [each["err"] for each in found] == [expected] * 2
    assert agent.requests == []


@pytest.mark.parametrize("where", ["kong.conf", "the environment"])
def test_one_setting_tells_all_vaults_where_the_agent_is(nginx_and_luajit, fake_agent, where):
    path = fake_agent(says("s3cret")).options["agent_socket"]
    in_workers = f"kong = {{ configuration = {{ vault_py_agent_socket = '{path}' }} }}"
    environment = {"KONG_VAULT_PY_AGENT_SOCKET": path}

    found = run_lua(
        "command_line.lua",
        [call("hcv", "x"), call("aws", "x")],
        before=in_workers if where == "kong.conf" else "",
        environment=environment if where == "the environment" else None,
    )

    assert [each["value"] for each in json.loads(found)] == [b"s3cret".hex()] * 2


def test_the_default_socket_is_the_agents(nginx_and_luajit):
    found = json.loads(run_lua("command_line.lua", [call("hcv", "x")]))

    from kong_vault_py.settings import RuntimeSettings

    assert f"unix:{RuntimeSettings().agent_socket} " in found[0]["err"]
