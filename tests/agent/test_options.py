"""What the agent's settings may say, and what its token file must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_vault_py.agent.options import AgentOptions, Door
from kong_vault_py.agent.token_file import TokenFile
from kong_vault_py.errors import ConfigError
from kong_vault_py.settings import Settings

TOKEN = "a-token-of-thirty-two-characters"


def options(**settings: str) -> AgentOptions:
    environ = {f"KONG_VAULT_PY_{name.upper()}": value for name, value in settings.items()}
    return AgentOptions.of(Settings.load(environ=environ).runtime)


def test_unset_it_serves_its_owner_alone_on_a_socket() -> None:
    found = options()

    assert (str(found.socket), found.socket_mode, found.listen) == ("/run/kong-vault/agent.sock", 0o600, None)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:8811", ("127.0.0.1", 8811)),
        ("127.9.9.9:0", ("127.9.9.9", 0)),
        ("localhost:1", ("127.0.0.1", 1)),
        ("[::1]:8811", ("::1", 8811)),
    ],
)
def test_loopback_addresses_will_do(address: str, expected: tuple[str, int]) -> None:
    assert options(agent_listen=address, agent_token_file="token").listen == expected


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"agent_listen": "0.0.0.0:8811"}, "no loopback address"),
        ({"agent_listen": "10.0.0.1:8811"}, "no loopback address"),
        ({"agent_listen": "[::]:8811"}, "no loopback address"),
        ({"agent_listen": "here:8811"}, "no address and port"),
        ({"agent_listen": "127.0.0.1"}, "no address and port"),
        ({"agent_listen": "127.0.0.1:65536"}, "no address and port"),
        ({"agent_listen": "127.0.0.1:-1"}, "no address and port"),
        ({"agent_listen": "127.0.0.1:8811", "agent_token_file": ""}, "set vault_py_agent_token_file"),
        ({"agent_socket_mode": "rw"}, "agent_socket_mode"),
        ({"agent_socket_mode": "0999"}, "agent_socket_mode"),
        ({"agent_accept_config": "some"}, "agent_accept_config"),
        ({"agent": "/run/other.sock"}, "names another agent"),
    ],
)
def test_what_does_not_fit_is_an_error(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        options(**{"agent_token_file": "token", **settings})


def test_what_a_door_takes() -> None:
    assert [Door.socket(options()).accepts, Door.tcp(options(), 1).accepts] == ["own", "none"]
    for said in ("any", "own", "none"):
        found = options(agent_accept_config=said)
        assert [Door.socket(found).accepts, Door.tcp(found, 1).accepts] == [said, said]


@pytest.mark.parametrize(
    ("mode", "content", "said"),
    [
        (0o644, TOKEN, "has mode 0644, others may use it: chmod 600 it"),
        (0o600, "short", "at least 16 printable ASCII characters"),
        (0o600, TOKEN + "\n" + TOKEN, "one line"),
        (0o600, TOKEN + " " + TOKEN, "without spaces"),
        (0o600, "ein-geheimes-Schlüsselwort", "printable ASCII"),
        (None, "", "can't read it"),
    ],
)
def test_a_token_file_that_will_not_do(tmp_path: Path, mode: int | None, content: str, said: str) -> None:
    path = tmp_path / "token"
    if mode is not None:
        path.write_text(content)
        path.chmod(mode)

    with pytest.raises(ConfigError, match=said) as raised:
        TokenFile(path)

    assert content == "" or content not in str(raised.value)
