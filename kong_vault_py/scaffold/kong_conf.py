"""The lines of a kong.conf that load our plugins, as ``of_kong_conf`` of the doctor wants them."""

from __future__ import annotations

from collections.abc import Iterator

from kong_vault_py.scaffold.choice import Choice

__all__ = ["kong_conf"]


def kong_conf(choice: Choice, *, started_by_kong: bool = True) -> str:
    """Return a fragment of kong.conf.

    Args:
        choice: plugins and places.
        started_by_kong: the first plugin's server has a start command; without one Kong takes it as managed elsewhere.
    """
    return "\n".join([*_lines(choice, started_by_kong), ""])


def _lines(choice: Choice, started_by_kong: bool) -> Iterator[str]:
    names = ",".join(choice.plugins)
    yield f"plugins = bundled,{names}"
    yield ""
    yield "# Kong 3.9 and newer read one plugin per server name. All names share one socket and one process."
    yield f"pluginserver_names = {names}"
    directory = f"-d {choice.plugins_directory}"
    for number, plugin in enumerate(choice.plugins):
        key = f"pluginserver_{plugin.replace('-', '_')}"
        yield ""
        yield f"{key}_socket = {choice.socket}"
        yield f"{key}_query_cmd = {choice.program} pluginserver {directory} --dump {plugin}"
        if number == 0 and started_by_kong:
            yield "# Kong starts it with an empty environment: what it needs stands in the settings file."
            yield (
                f"{key}_start_cmd = {choice.program} pluginserver {directory} --socket {choice.socket} "
                f"--settings {choice.settings}"
            )
