"""``kong-vault store``: fill the Config Store of a local file. Values go in and never come out here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from kong_vault_py.cli.resolving import load_settings, masked_stderr, settings_option
from kong_vault_py.errors import ConfigError, VaultError
from kong_vault_py.secret import Secret

if TYPE_CHECKING:
    from kong_vault_py.config_store import Envelope
    from kong_vault_py.config_store.store_file import StoreFile

__all__ = ["command"]

_KONNECTS_LIMIT = 5120
_HARD_LIMIT = 1024 * 1024
F = TypeVar("F", bound=Callable[..., Any])

_with_key = click.option(
    "--master-key",
    metavar="SOURCE",
    help="file:PATH, env:VARIABLE or a {vault://...} reference [default: setting vault_konnect_master_key].",
)


def _with_store(subcommand: F) -> F:
    store = click.option("--store", metavar="FILE", help="The store file [default: setting vault_konnect_store_file].")
    return settings_option(store(subcommand))


@click.group("store")
def command() -> None:
    """Keep secrets of your own, encrypted, for the konnect vault: {vault://konnect/KEY}.

    \b
    Examples:
      kong-vault store new-key /etc/kong/master.key
      export KONG_VAULT_KONNECT_MASTER_KEY=file:/etc/kong/master.key
      export KONG_VAULT_KONNECT_STORE_FILE=/etc/kong/secrets.store
      pass show redis | kong-vault store put redis-password
      kong-vault get vault://konnect/redis-password

    \b
    Exit codes: 0 done, 1 not done, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself


@command.command("new-key")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--add", is_flag=True, help="Put it before the keys of an existing file, which stay: the first step of a rotation."
)
def new_key(file: str, add: bool) -> None:
    """Make a master key in FILE, with mode 0600. Keep a copy elsewhere: without it every value is lost."""
    from kong_vault_py.config_store.key_file import add_to_key_file, create_key_file
    from kong_vault_py.config_store.master_keys import new_key_text

    with _ending("new-key"):
        (add_to_key_file if add else create_key_file)(file, new_key_text())
    click.echo(f"{'added a master key to' if add else 'made master key file'} {file}", err=True)


@command.command("put")
@click.argument("key")
@click.option("--file", type=click.File("rb"), default="-", help="Read the value from here [default: standard input].")
@click.option("--exact", is_flag=True, help="Keep the line end at the value's end, which is dropped otherwise.")
@click.option(
    "--max-length",
    type=click.IntRange(1, _HARD_LIMIT),
    default=_KONNECTS_LIMIT,
    show_default=True,
    help="Characters that a value may have; the default is Konnect's.",
)
@_with_key
@_with_store
def put(
    key: str,
    file: BinaryIO,
    exact: bool,
    max_length: int,
    master_key: str | None,
    store: str | None,
    settings_path: str | None,
) -> None:
    """Write a value under KEY, as a new version if there is one already; the last ten versions are kept."""
    with _ending("put"):
        settings = _settings(settings_path)
        target = _store(store, settings, max_length)
        envelope = _envelope(master_key, settings, settings_path)
        number = target.put(key, _value(file, exact), envelope)
    click.echo(f"wrote version {number} of {key}", err=True)


@command.command("list")
@click.argument("key", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, the store's id included.")
@_with_store
def list_(key: str | None, as_json: bool, store: str | None, settings_path: str | None) -> None:
    """List the keys with their current version, or the versions of KEY. Values are never shown."""
    from kong_vault_py.errors import SecretNotFoundError

    with _ending("list"):
        target = _store(store, _settings(settings_path))
        told = {
            name: [
                {
                    "version": version.number,
                    "created_at": _date(version.created_at),
                    "master_key": _key_id(version.sealed),
                }
                for version in secret.versions
            ]
            for name, secret in sorted(target.secrets.items())
            if key in (None, name)
        }
        if key is not None and not told:
            raise SecretNotFoundError(f"the store has no secret {key!r}")
        if as_json:
            click.echo(json.dumps({"store": target.store_id, "secrets": told}, indent=2))
            return
    for name, versions in told.items():
        for version in versions if key is not None else versions[-1:]:
            click.echo(f"{name}  #{version['version']}  {version['created_at']}  master key {version['master_key']}")


@command.command("delete")
@click.argument("key")
@click.option("--version", type=click.IntRange(min=1), help="Delete this old version alone.")
@_with_store
def delete(key: str, version: int | None, store: str | None, settings_path: str | None) -> None:
    """Delete KEY with all its versions."""
    with _ending("delete"):
        _store(store, _settings(settings_path)).delete(key, version)
    click.echo(f"deleted {key}" if version is None else f"deleted version {version} of {key}", err=True)


@command.command("rotate-key")
@_with_key
@_with_store
def rotate_key(master_key: str | None, store: str | None, settings_path: str | None) -> None:
    """Put every value under the first key of the master key file. The other keys can go then, also everywhere else."""
    with _ending("rotate-key"):
        settings = _settings(settings_path)
        target = _store(store, settings)
        count = target.rewrap(_envelope(master_key, settings, settings_path))
    click.echo(f"{count} versions are under the current master key", err=True)


@contextmanager
def _ending(subcommand: str) -> Iterator[None]:
    """Let an error of ours end the command in one line."""
    masked_stderr()
    try:
        yield
    except VaultError as error:
        raise SystemExit(f"kong-vault store {subcommand}: {error}") from None


def _settings(path: str | None) -> Mapping[str, str]:
    return load_settings("store", path).values


def _store(given: str | None, settings: Mapping[str, str], max_value_chars: int = _KONNECTS_LIMIT) -> StoreFile:
    from kong_vault_py.config_store.store_file import StoreFile

    path = given or settings.get("vault_konnect_store_file")
    if not path:
        raise ConfigError("which store? Give --store, or the setting vault_konnect_store_file")
    return StoreFile(path, max_value_chars=max_value_chars)


def _envelope(given: str | None, settings: Mapping[str, str], settings_path: str | None) -> Envelope:
    from kong_vault_py.config_store import Envelope, MasterKeys

    if given and not given.startswith(("file:", "env:", "{vault://")):
        # Not repeated: it may be the key itself, which every user of the machine could then read.
        raise ConfigError("--master-key takes file:PATH, env:VARIABLE or a {vault://...} reference")
    source = given or settings.get("vault_konnect_master_key")
    if not source:
        raise ConfigError("which master key? Give --master-key, or the setting vault_konnect_master_key")
    return Envelope(MasterKeys.load(source, lambda reference: _resolved(reference, settings_path)))


def _resolved(reference: str, settings_path: str | None) -> Secret:
    from kong_vault_py.settings import Settings
    from kong_vault_py.vault import Vault

    with Vault(Settings.load(settings_path), background=False) as vault:
        return vault.get(reference)


def _value(file: BinaryIO, exact: bool) -> str:
    if file.isatty():
        return str(click.prompt("Value", hide_input=True, confirmation_prompt=True, err=True))
    content = file.read(4 * _HARD_LIMIT + 1)
    if not exact and content.endswith(b"\n"):
        # Editors and echo add it; the fs vault drops it too.
        content = content.removesuffix(b"\n").removesuffix(b"\r")
    return content.decode("utf-8", "surrogateescape")


def _date(seconds: int) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace("+00:00", "Z")


def _key_id(sealed: bytes) -> str:
    from kong_vault_py.config_store import Envelope

    return Envelope.key_id(sealed)
