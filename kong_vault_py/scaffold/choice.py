"""What an operator chose: vaults, plugins and where things lie."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from kong_vault_py.errors import ConfigError
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["Choice"]


@dataclass(frozen=True)
class Choice:
    """What the files are made for.

    Attributes:
        vaults: strategies' names.
        plugins: gateway plugins' names.
        settings: path of the settings file.
        socket: path of the plugin server's socket.
        plugins_directory: where the plugins lie.
        program: full path of ``kong-vault``.
    """

    vaults: tuple[str, ...]
    plugins: tuple[str, ...]
    settings: Path = Path("/etc/kong/kong-vault.conf")
    socket: Path = Path("/usr/local/kong/kong-vault.socket")
    plugins_directory: Path = Path(sys.prefix) / "share" / "kong-vault-py" / "plugins"
    program: Path = field(default_factory=lambda: Path(sys.executable).with_name("kong-vault"))

    def check(self) -> None:
        """Refuse what isn't there.

        Raises:
            UnknownStrategyError: a vault has no such strategy.
            MissingDependencyError: its package isn't installed.
            ConfigError: there is no such plugin.
        """
        for name in self.vaults:
            load_strategy(name)
        there = sorted(path.stem for path in self.plugins_directory.glob("*.py"))
        for name in self.plugins:
            if name not in there:
                found = ", ".join(there) or "none; name another with --plugins-directory"
                raise ConfigError(f"no plugin '{name}' in {self.plugins_directory} (there: {found})")
