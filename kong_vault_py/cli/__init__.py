"""The ``kong-vault`` command. Each subcommand is a file of its own, loaded when it is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from kong_vault_py import __version__
from kong_vault_py.cli.conduct import ConductedGroup

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["main"]

#: Name -> one line for --help. The module of the same name, with underscores, holds ``command``.
_COMMANDS = {
    "get": "Print the secrets that references stand for.",
    "parse": "Show what a reference says, as Kong reads it.",
    "exec": "Run a command with secrets in its environment.",
    "render": "Write a file with its references replaced by secrets.",
    "status": "Show the cache, rotation and failures of a running agent or plugin server.",
    "vaults": "List the vaults, and how each of them is.",
    "init": "Write a working start: settings, kong.conf lines, a systemd unit or a compose file.",
    "doctor": "Say why something doesn't work on this machine, and what to do.",
    "completion": "Print what makes a shell complete commands and options.",
    "store": "Keep secrets of your own in an encrypted file.",
    "agent": "Serve secrets to this node: to Kong's Lua, plugin servers and scripts.",
    "lua-path": "Print where Kong finds the Lua vault strategies.",
    "lint": "Find plaintext secrets and broken references in Kong's files.",
    "manager": "Manage vault entities, Config Stores and access, over an HTTP API.",
    "pluginserver": "Serve Kong's Python plugins, or describe them to Kong.",
}


class _LazyGroup(ConductedGroup):
    """Lists all commands and imports only the one that runs."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name without importing them all."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, text in _COMMANDS.items() if name.startswith(incomplete)]
        return found if not incomplete.startswith("-") else click.Command.shell_complete(self, context, incomplete)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kong-vault")
def main() -> None:
    """Secrets management for every Kong Gateway."""
