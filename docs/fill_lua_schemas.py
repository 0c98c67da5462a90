"""Writes the schemas of the Lua strategies from the options' own declarations: ``python -m docs.fill_lua_schemas``.

Kong reads them at ``kong_vault_py/lua/kong/vaults/<name>/schema.lua``. A test proves that they are up to date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import kong_vault_py
from kong_vault_py.options import Option, options_of
from kong_vault_py.strategies.hcv.config import _REQUIRED as HCV_REQUIRED
from kong_vault_py.strategies.registry import BUILT_IN, load_strategy

VAULTS = Path(kong_vault_py.__file__).parent / "lua" / "kong" / "vaults"

#: Kong has an env vault of its own.
NAMES = tuple(name for name in BUILT_IN if name != "env")

#: What says who we are, beside what must stay secret: often kept elsewhere than a vault's other options.
_IDENTITIES = {
    *("approle_role_id", "cert_auth_cert", "oauth2_client_id", "gcp_service_account", "aws_access_key_id"),
    *("client_id", "tenant_id", "account", "login"),
}

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_AGENT = (
    Option(
        "agent_socket",
        "string",
        None,
        "Socket of the node's agent; unset: vault_py_agent_socket, then /run/kong-vault/agent.sock.",
        match="^/",
    ),
    Option("agent_host", "string", None, "Loopback address of the agent, with agent_port.", one_of=_LOOPBACK),
    Option("agent_port", "integer", None, "Port of the agent, in place of its socket.", between=(1, 65535)),
    Option("agent_token", "string", None, "What the agent's token file holds, with agent_port.", secret=True),
    Option(
        "agent_timeout_s",
        "number",
        None,
        "Deadline in seconds for an answer of the agent; unset: 10, or a second more than fetch_timeout_s.",
        between=(0.001, 60),
    ),
)

_HEAD = """\
-- Written by `python -m docs.fill_lua_schemas` from the options of kong_vault_py/strategies.
return {{
  name = "{name}",
  fields = {{
    {{ config = {{
      type = "record",
      fields = {{
"""
_FOOT = """\
    } },
  },
}
"""


def schema_text(name: str) -> str:
    """Return the Lua text of a vault's schema."""
    options = (*options_of(load_strategy(name).config_class), *_AGENT)
    fields = [line for known in options for line in _field_lines(known)]
    return "".join([_HEAD.format(name=name), *fields, "      },\n", *(_hcv_checks() if name == "hcv" else ()), _FOOT])


def _field_lines(known: Option) -> Iterator[str]:
    yield from _one_field(known.name, known)
    for alias in known.aliases:
        yield from _one_field(alias, known, f"Another name of {known.name}.")


def _one_field(name: str, known: Option, description: str = "") -> Iterator[str]:
    attributes: dict[str, object] = {"type": known.kind}
    # Without `required` Kong leaves a default out where a vault has no entity. It may be missing there where a
    # reference's query may set the option, so that request.lua sees who said it, and of switches, for kong.conf's on
    # and off; the agent has the same default. What has no default is never required: it may be in the agent's settings.
    has_default = known.default not in (None, "") and not description
    if has_default:
        attributes["default"] = known.default
    if has_default and known.kind != "boolean" and not known.override:
        attributes["required"] = True
    attributes |= {"one_of": known.one_of, "between": known.between, "match": known.match}
    attributes["referenceable"] = known.secret or known.name in _IDENTITIES
    attributes["encrypted"] = known.secret
    attributes["description"] = description or known.help
    yield f"        {{ {name} = {{\n"
    for attribute, value in attributes.items():
        if value not in (None, (), False) or attribute == "default":
            yield f"          {attribute} = {_lua(value)},\n"
    yield "        } },\n"


def _hcv_checks() -> Iterator[str]:
    """Yield the checks of which options go together, but for the default login: the agent may have its token."""
    yield "      entity_checks = {\n"
    for method, names in HCV_REQUIRED.items():
        for name in names if method != "token" else ():
            yield _conditional(method, *(("jwt_role", "oauth2_role_name") if name == "jwt_role" else (name,)))
    yield _conditional("approle", "approle_secret_id", "approle_secret_id_file")
    yield '        { mutually_exclusive = { "approle_secret_id", "approle_secret_id_file" } },\n'
    yield '        { mutually_required = { "aws_access_key_id", "aws_secret_access_key" } },\n'
    yield (
        "        { conditional = {\n"
        '          if_field = "auth_method", if_match = { eq = "cert" },\n'
        '          then_field = "protocol", then_match = { eq = "https" },\n'
        "        } },\n"
    )
    yield "      },\n"


def _conditional(method: str, *names: str) -> str:
    return (
        "        { conditional_at_least_one_of = {\n"
        f'          if_field = "auth_method", if_match = {{ eq = {_lua(method)} }},\n'
        f"          then_at_least_one_of = {_lua(names)},\n"
        "        } },\n"
    )


def _lua(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.14g}"
    if isinstance(value, tuple):
        return f"{{ {', '.join(map(_lua, value))} }}"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


if __name__ == "__main__":
    for vault in NAMES:
        path = VAULTS / vault / "schema.lua"
        text = schema_text(vault)
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {vault}/schema.lua")
