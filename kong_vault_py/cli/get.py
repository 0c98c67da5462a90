"""``kong-vault get``: resolve one reference, as ``kong vault get`` does."""

from __future__ import annotations

import logging
import sys

import click

from kong_vault_py.errors import VaultError
from kong_vault_py.secret import MaskingFilter
from kong_vault_py.settings import Settings

__all__ = ["command"]


@click.command("get")
@click.argument("reference")
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(dir_okay=False),
    help="Settings file in kong.conf's format [default: $KONG_VAULT_PY_SETTINGS].",
)
def command(reference: str, settings_path: str | None) -> None:
    """Print the secret that REFERENCE stands for.

    The braces may be left out, as with `kong vault get`: vault://hcv/redis/password. Settings come from a file in
    kong.conf's format and from KONG_VAULT_* in the environment, which wins.

    \b
    Examples:
      kong-vault get '{vault://env/my-secret}'
      KONG_VAULT_HCV_HOST=vault.internal kong-vault get vault://hcv/redis/password
    """  # noqa: D301 - click wants the backspace itself
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], format="kong-vault: %(message)s")
    from kong_vault_py.vault import Vault

    text = reference if reference.startswith("{") else f"{{{reference}}}"
    try:
        with Vault(Settings.load(settings_path), background=False) as vault:
            secret = vault.get(text)
    except VaultError as error:
        raise SystemExit(f"kong-vault get: {error}") from None
    sys.stdout.buffer.write(secret.reveal_bytes() + b"\n")
