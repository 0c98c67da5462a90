"""Declaring a strategy's options once, and building its frozen config from what an operator wrote.

An option is a field of a frozen dataclass::

    @dataclass(frozen=True)
    class HcvConfig(StrategyConfig):
        host: str = option("127.0.0.1", help="Host of the Vault server.")
        token: Secret | None = option(None, secret=True, help="Vault token.")

That one declaration yields the settings key (``vault_hcv_host``), the environment variable
(``KONG_VAULT_HCV_HOST``), the key of a vault entity's ``config``, the query override, the validation with its
error text, and the row in the documentation.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from kong_vault_py.errors import ConfigError
from kong_vault_py.schema.inference import Field, infer_value, validate_field
from kong_vault_py.secret import Secret

__all__ = ["Option", "StrategyConfig", "build_config", "option", "options_of"]

Kind = Literal["string", "integer", "number", "boolean"]
C = TypeVar("C")

_MAX_TTL_S = 100_000_000
_ON_OFF = {"on": True, "off": False}


@dataclass(frozen=True)
class Option:
    """What is known of one option: enough for validation, schema, documentation and forms.

    Attributes:
        name: Kong's name of the option, verbatim.
        kind: the Kong schema type.
        default: the value where nothing is configured.
        help: one sentence for the documentation.
        required: building fails without a value.
        secret: the value is wrapped in :class:`Secret` and never shown.
        override: a reference's query may set it (see docs/adr/0004): false for where a vault is and who we are to it.
        one_of: the allowed values, empty for any.
        between: inclusive bounds of a number.
        match: a Lua pattern for the text, as in a Kong schema ("^[%a_-]+$").
        aliases: other spellings that Kong has for the same option.
    """

    name: str
    kind: Kind
    default: object
    help: str
    required: bool = False
    secret: bool = False
    override: bool = False
    one_of: tuple[str, ...] = ()
    between: tuple[float, float] | None = None
    match: str | None = None
    aliases: tuple[str, ...] = ()

    def kong_field(self) -> Field:
        """Return the option as a field of a Kong schema, for inference and validation as Kong does them."""
        return Field(type=self.kind, one_of=self.one_of or None, between=self.between, match=self.match)


def option(
    default: Any = None,
    *,
    help: str,  # the field's own word, as in argparse and click
    kind: Kind = "string",
    required: bool = False,
    secret: bool = False,
    override: bool = False,
    one_of: tuple[str, ...] = (),
    between: tuple[float, float] | None = None,
    match: str | None = None,
    aliases: tuple[str, ...] = (),
) -> Any:
    """Declare an option as a dataclass field; see :class:`Option` for the arguments."""
    made = Option(
        name="",
        kind=kind,
        default=default,
        help=help,
        required=required,
        secret=secret,
        override=override,
        one_of=one_of,
        between=between,
        match=match,
        aliases=aliases,
    )
    return dataclasses.field(default=default, metadata={"option": made})


@dataclass(frozen=True)
class StrategyConfig:
    """The options that every strategy has; strategies extend it with their own."""

    ttl: float | None = option(
        None,
        kind="number",
        between=(0, _MAX_TTL_S),
        override=True,
        help="Seconds after which a fetched value is refreshed in the background; 0 or unset: never, except on demand.",
    )
    neg_ttl: float | None = option(
        None,
        kind="number",
        between=(0, _MAX_TTL_S),
        override=True,
        help="Seconds for which a missing secret is remembered as missing.",
    )
    resurrect_ttl: float | None = option(
        None,
        kind="number",
        between=(0, _MAX_TTL_S),
        override=True,
        help="Seconds past ttl for which the old value is served while the vault is unavailable; unset: without end.",
    )
    min_ttl: float | None = option(
        None,
        kind="number",
        between=(0, _MAX_TTL_S),
        override=True,
        help="Lower bound in seconds for a ttl that the vault itself gives with a value.",
    )
    max_ttl: float | None = option(
        None,
        kind="number",
        between=(0, _MAX_TTL_S),
        override=True,
        help="Upper bound in seconds for a ttl that the vault itself gives with a value; 0 is off.",
    )
    base64_decode: bool = option(
        False,
        kind="boolean",
        override=True,
        aliases=("decode_base64",),
        help="Decode the value from base64 before handing it on.",
    )
    fetch_timeout_s: float = option(
        5.0,
        kind="number",
        between=(0.001, 50),
        override=True,
        help="Deadline in seconds for one fetch, logging in and retries included.",
    )


def options_of(config_class: type[object]) -> Iterator[Option]:
    """Yield the options that a dataclass declares: a strategy's own first, in the order of declaration."""
    fields = dataclasses.fields(config_class)  # type: ignore[arg-type]  # a dataclass, by this module's contract
    own = [f for f in fields if f.name not in StrategyConfig.__dataclass_fields__]
    shared = [f for f in fields if f.name in StrategyConfig.__dataclass_fields__]
    for declared in own + shared:
        yield dataclasses.replace(declared.metadata["option"], name=declared.name)


def build_config(config_class: type[C], raw: Mapping[str, object], *, where: str) -> C:
    """Validate what an operator wrote and freeze it.

    Text is inferred to the option's type as Kong does it (``kong/cmd/utils``' ``infer_value``: ``"8200"`` is the
    integer 8200, ``""`` and null mean unset). Unlike Kong, a value that doesn't fit is an error, never dropped in
    silence, and so is an unknown name.

    Args:
        config_class: the strategy's config class.
        raw: option name (or alias) -> value. Secrets may come as ``str`` or :class:`Secret`.
        where: what is being configured, for the error text ("vault entity 'my-hcv'").

    Raises:
        ConfigError: an option is unknown, of the wrong type, out of bounds or missing.
    """
    options = {known.name: known for known in options_of(config_class)}
    aliases = {alias: known.name for known in options.values() for alias in known.aliases}
    values: dict[str, object] = {}
    for name, value in raw.items():
        known = options.get(aliases.get(name, name))
        if known is None:
            raise ConfigError(f"{where}: unknown option '{name}'{_suggestion(name, options)}")
        checked = _checked(known, value, where)
        if checked is not None:
            values[known.name] = checked
    for known in options.values():
        if known.required and known.name not in values:
            raise ConfigError(f"{where}: option '{known.name}' is required")
    try:
        return config_class(**values)
    except ConfigError as error:
        # The class's own __post_init__: options that don't go together.
        raise ConfigError(f"{where}: {error}") from None


def _checked(known: Option, value: object, where: str) -> object:
    """Return the value in the option's own type, or ``None`` where it means "unset"."""
    if known.secret and isinstance(value, Secret):
        return value or None
    hidden = isinstance(value, Secret)
    value = value.reveal() if isinstance(value, Secret) else value
    field = known.kong_field()
    # kong.conf writes its booleans as on and off (kong/conf_loader).
    written = _ON_OFF.get(value, value) if known.kind == "boolean" and isinstance(value, str) else value
    inferred = infer_value(field, written)
    if inferred is None:
        return None
    problem = "not a number" if inferred != inferred else validate_field(field, inferred)  # nan is none
    if problem is not None:
        shown = "its value" if known.secret or hidden else repr(value)
        raise ConfigError(f"{where}: option '{known.name}': {shown} won't do: {problem}")
    return Secret(inferred) if known.secret and isinstance(inferred, str) else inferred


def _suggestion(name: str, options: Mapping[str, Option]) -> str:
    close = difflib.get_close_matches(name, options, n=1)
    return f" (did you mean '{close[0]}'?)" if close else f"; known are {', '.join(options)}"
