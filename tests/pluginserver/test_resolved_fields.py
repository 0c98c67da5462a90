"""A secret that Kong resolved into a field of a stock plugin's config: it reaches the plugin when it is rotated.

With the stock server the plugin keeps the value of its start for ever.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import PluginServer
from tests.servers.polling import wait_until

PLUGIN = """\
{imports}
class Plugin:
    def __init__(self, config):
        if config["token"] == "refused":
            raise ValueError("this token is refused")
        self.config = config
    def access(self, kong):
        kong.request.get_header("x")
        kong.response.set_header("x-results", self.config["token"] + " " + self.config["nested"]["list"][0])
        kong.log.notice("with ", self.config["token"])
"""
Start = Callable[..., PluginServer]


class Secrets:
    """The vault's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "secrets"
        self._folder.mkdir()

    @property
    def settings(self) -> dict[str, Any]:
        return {"vault_fs_prefix": self._folder, "vault_fs_ttl": 0.1, "vault_py_reload_interval_s": 0.1}

    def write(self, value: str, name: str = "token") -> None:
        new = self._folder / f".{name}"
        new.write_text(value)
        new.replace(self._folder / name)


def config(token: str = "of-kong", reference: str = "{vault://fs/token}") -> dict[str, Any]:
    """Return what Kong sends for a referenceable field that it resolved."""
    return {
        "token": token,
        "nested": {"list": ["inner-of-kong"], "$refs": {"list": ["{vault://fs/inner}"]}},
        "$refs": {"token": reference},
    }


@pytest.fixture
def secrets(folder: Path) -> Secrets:
    return Secrets(folder)


@pytest.fixture
def server(start_server: Start, folder: Path, secrets: Secrets, settings_file: Callable[..., Path]) -> PluginServer:
    plugins = folder / "plugins"
    plugins.mkdir()
    (plugins / "stock.py").write_text(PLUGIN.format(imports=""))
    (plugins / "binding.py").write_text(PLUGIN.format(imports="from kong_vault_py.plugin import bind"))
    secrets.write("of-kong")
    secrets.write("inner-of-kong", "inner")
    return start_server("-d", plugins, "--settings", settings_file(**secrets.settings), "--log-level", "debug")


@pytest.fixture
def kong(server: PluginServer) -> Iterator[Kong]:
    with contextlib.closing(Kong(server.path)) as gateway:
        yield gateway


def test_a_rotated_value_reaches_a_plugin_that_knows_nothing_of_vaults(
    kong: Kong, secrets: Secrets, server: PluginServer
) -> None:
    instance = kong.start("stock", **config())
    assert kong.results(instance) == "of-kong inner-of-kong"

    secrets.write("rotated-token")
    wait_until(lambda: kong.results(instance) == "rotated-token inner-of-kong", "the rotated token")
    secrets.write("rotated-inner", "inner")
    wait_until(lambda: kong.results(instance) == "rotated-token rotated-inner", "the other one")

    assert kong.event(instance, "access").last == ("kong.log.notice", ["with ", "***"])
    assert "made again: a secret changed" in server.log
    assert "rotated-token" not in server.log


def test_no_request_is_lost_or_mixed_up_while_it_changes(kong: Kong, secrets: Secrets) -> None:
    instance = kong.start("stock", **config())
    untouched = kong.start("stock", token="plain", nested={"list": ["text"]})
    seen: list[str] = []
    stop = threading.Event()

    def load() -> None:
        with contextlib.closing(Kong(kong.path)) as one:
            while not stop.is_set():
                seen.append(one.results(instance))
                seen.append(one.results(untouched))

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(4):
        secrets.write(f"token-{number}")
        wait_until(lambda: f"token-{number} inner-of-kong" in seen, "the next token")  # noqa: B023
    stop.set()
    for thread in threads:
        thread.join()

    tokens = ["of-kong", *(f"token-{number}" for number in range(4))]
    assert set(seen) == {"plain text", *(f"{token} inner-of-kong" for token in tokens)}


def test_an_event_in_flight_ends_with_the_value_that_it_began_with(kong: Kong, secrets: Secrets) -> None:
    instance = kong.start("stock", **config())
    wire = kong.open()
    _, event = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    secrets.write("rotated-token")
    wait_until(lambda: kong.results(instance).startswith("rotated-token"), "the rotated token")

    assert wire.ask("Step", {"EventId": event["EventId"]})[1]["Data"]["Args"][1] == "of-kong inner-of-kong"
    wire.ask("Step", {"EventId": event["EventId"]})
    wire.ask("Step", {"EventId": event["EventId"]})


def test_kongs_value_stands_where_nobody_here_knows_better(kong: Kong, server: PluginServer) -> None:
    unknown = kong.start("stock", **config(reference="{vault://nobody/token}"))
    absent = kong.start("stock", **config(reference="{vault://fs/absent}"))

    wait_until(lambda: server.log.count("Kong's own value stands") >= 2, "both lines")

    assert kong.results(unknown) == kong.results(absent) == "of-kong inner-of-kong"


def test_a_field_that_kong_could_not_resolve_is_filled(kong: Kong) -> None:
    """Kong gives "" for it; see kong-facts."""
    instance = kong.start("stock", **config(token=""))

    wait_until(lambda: kong.results(instance) == "of-kong inner-of-kong", "the resolved token")


def test_a_constructor_that_refuses_the_new_value_leaves_the_old_instance(
    kong: Kong, secrets: Secrets, server: PluginServer
) -> None:
    instance = kong.start("stock", **config())

    secrets.write("refused")
    wait_until(lambda: "the old instance goes on" in server.log, "the line in the log")
    assert kong.results(instance) == "of-kong inner-of-kong"

    secrets.write("good-again")
    wait_until(lambda: kong.results(instance) == "good-again inner-of-kong", "the next value")


def test_a_plugin_that_binds_its_config_is_left_alone(kong: Kong, secrets: Secrets, server: PluginServer) -> None:
    bound, stock = kong.start("binding", **config()), kong.start("stock", **config())

    secrets.write("rotated-token")
    wait_until(lambda: kong.results(stock).startswith("rotated-token"), "the rotated token")

    assert kong.results(bound) == "of-kong inner-of-kong"
    assert "plugin 'binding' made again" not in server.log
