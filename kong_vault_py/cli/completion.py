"""``kong-vault completion``: the script that makes a shell complete our commands and options."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, choices and files.

    \b
    Examples:
      kong-vault completion bash > ~/.local/share/bash-completion/completions/kong-vault
      kong-vault completion zsh > "${fpath[1]}/_kong-vault"
      kong-vault completion fish > ~/.config/fish/completions/kong-vault.fish
      source <(kong-vault completion bash)    # this shell only

    \b
    Exit codes: 0 printed, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    from click.shell_completion import ShellComplete, get_completion_class

    script = get_completion_class(shell)
    assert script is not None
    root = click.get_current_context().find_root()
    # The base class's: bash's own would first run bash, to look at its version.
    click.echo(ShellComplete.source(script(root.command, {}, "kong-vault", "_KONG_VAULT_COMPLETE")), nl=False)
