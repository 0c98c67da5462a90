"""Where the agent serves and whom, from the settings."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from kong_vault_py.errors import ConfigError
from kong_vault_py.settings import RuntimeSettings

__all__ = ["Accepts", "AgentOptions", "Door"]

#: Which vaults of their own requests may bring: any; those that bring their own credentials; none.
Accepts = Literal["any", "own", "none"]

_MOST_PORT = 65535


@dataclass(frozen=True)
class AgentOptions:
    """What the settings say of the agent.

    Attributes:
        socket: the path to listen on.
        socket_mode: the socket file's permission bits.
        socket_group: the socket file's group, ``None`` for the process's own.
        listen: loopback address and port to listen on too, ``None`` for none.
        token_file: the file with the token for that.
        accept_config: which vaults of their own requests may bring; ``None`` for what fits the way in.
        warmup: references to fetch before it is ready.
        allowed_overrides: ``<strategy>.<option>`` that requests may set in any case.
    """

    socket: Path
    socket_mode: int = 0o600
    socket_group: str | None = None
    listen: tuple[str, int] | None = None
    token_file: Path | None = None
    accept_config: Accepts | None = None
    warmup: tuple[str, ...] = ()
    allowed_overrides: frozenset[str] = frozenset()

    @classmethod
    def of(cls, runtime: RuntimeSettings, *, socket: Path | None = None, listen: str | None = None) -> AgentOptions:
        """Take the options from settings; what the command line says wins.

        Raises:
            ConfigError: they don't fit together.
        """
        if runtime.agent is not None:
            raise ConfigError("vault_py_agent names another agent: an agent asks the vaults itself; remove the setting")
        address = listen or runtime.agent_listen
        if address is not None and runtime.agent_token_file is None:
            raise ConfigError("serving on TCP needs a token: set vault_py_agent_token_file to a file with mode 0600")
        return cls(
            socket=socket or Path(runtime.agent_socket),
            socket_mode=int(runtime.agent_socket_mode, 8),
            socket_group=runtime.agent_socket_group,
            listen=None if address is None else _loopback(address),
            token_file=Path(runtime.agent_token_file) if runtime.agent_token_file else None,
            accept_config=cast("Accepts | None", runtime.agent_accept_config),
            warmup=_listed(runtime.agent_warmup),
            allowed_overrides=frozenset(_listed(runtime.allowed_overrides)),
        )


@dataclass(frozen=True)
class Door:
    """A way in.

    Attributes:
        name: for the log.
        hosts: the values of the Host header that are ours; ``None`` where nobody can be misled (a unix socket).
        needs_token: requests carry the token.
        accepts: which vaults of their own requests may bring.
    """

    name: str
    hosts: frozenset[str] | None = None
    needs_token: bool = False
    accepts: Accepts = "own"

    @classmethod
    def socket(cls, options: AgentOptions) -> Door:
        """Return the unix socket's."""
        return cls("socket", accepts=options.accept_config or "own")

    @classmethod
    def tcp(cls, options: AgentOptions, port: int) -> Door:
        """Return the one of the TCP port that was bound."""
        names = ("localhost", "127.0.0.1", "[::1]", options.listen[0] if options.listen else "localhost")
        hosts = frozenset(f"{name}:{port}" for name in names)
        return cls("tcp", hosts=hosts, needs_token=True, accepts=options.accept_config or "none")


def _loopback(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        number = int(port) if port.isdecimal() else -1
    except ValueError:
        number = -1
    if not 0 <= number <= _MOST_PORT:
        raise ConfigError(f"vault_py_agent_listen: {text!r} is no address and port, as in 127.0.0.1:8811")
    if not address.is_loopback:
        raise ConfigError(
            f"vault_py_agent_listen: {text!r} is no loopback address: secrets don't travel over networks in the clear"
        )
    return str(address), number


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
