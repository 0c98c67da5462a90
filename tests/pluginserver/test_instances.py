"""Instances: a plugin's configs, kept apart, closed, never mistaken for those of an earlier server."""

from __future__ import annotations

from collections.abc import Callable

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import PluginServer


def test_instances_of_one_plugin_have_their_own_configs(kong: Kong) -> None:
    one = kong.start("scripted", access=[["call", "kong.request.get_header", "one"]])
    two = kong.start("scripted", access=[["call", "kong.request.get_header", "two"]])

    assert [kong.event(id_, "access").last[1] for id_ in (one, two, one)] == [["one"], ["two"], ["one"]]


def test_a_closed_instance_is_gone_but_its_event_goes_on(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["call", "kong.request.get_header", "x"]])
    wire = kong.wire()
    _, result = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    assert wire.ask("CloseInstance", instance)[0] is None

    assert wire.ask("Step", {"EventId": result["EventId"]})[1]["Data"] == "ret"
    assert wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})[0].startswith(
        "no plugin instance #"
    )
    assert wire.ask("CloseInstance", instance)[0].startswith("no plugin instance #")


def test_a_constructor_that_raises_is_an_error_with_its_reason(kong: Kong) -> None:
    for name in ("ValueError", "SystemExit", "UnknownPrefixError"):
        config = f'{{"constructor": [["raise", "{name}", "so it is"]]}}'

        error, _ = kong.wire().ask("StartInstance", {"Name": "scripted", "Config": config})

        assert error.startswith(f"plugin 'scripted' can't start: {name}: so it is (")


def test_a_constructor_may_wait_without_holding_up_events(kong: Kong) -> None:
    instance = kong.start("scripted")
    slow, other = kong.wires
    slow.post("StartInstance", {"Name": "scripted", "Config": '{"constructor": [["wait", "sleep", 0.5]]}'})

    _, result = other.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    assert result["Data"] == "ret"
    assert slow.is_quiet(0.05)
    assert slow.reply()[1]["Name"] == "scripted"


def test_a_restarted_server_takes_no_id_of_the_old_one_for_its_own(start_server: Callable[..., PluginServer]) -> None:
    old = start_server()
    kong = Kong(old.path)
    instances = [kong.start("scripted", access=[["call", "kong.request.get_header", "x"]]) for _ in range(5)]
    _, result = kong.wire().ask("HandleEvent", {"InstanceId": instances[0], "EventName": "access"})
    kong.close()
    old.process.kill()

    new = Kong(start_server().path)
    started = [new.start("scripted") for _ in range(5)]

    assert not set(instances) & set(started)
    for instance in instances:
        assert "no plugin instance" in new.event(instance, "access").error
    # The old server's request has passed its plugin half-way only: it must not go on.
    _, lost = new.wire().ask("Step", {"EventId": result["EventId"]})
    error, _ = new.wire().ask("Step", {"EventId": result["EventId"]})
    assert (lost["Data"]["Method"], list(error)) == ("kong.log.err", ["message"])
    new.close()


def test_the_status_names_plugins_and_instances_but_no_config(kong: Kong) -> None:
    instance = kong.start("scripted", password="never shown")

    error, status = kong.wire().ask("GetStatus", None)

    assert error is None
    assert instance in status["Plugins"]["scripted"]
    assert "never shown" not in repr(status)


def test_plugin_info_is_the_dump(kong: Kong) -> None:
    _, info = kong.wire().ask("GetPluginInfo", "scripted")

    assert (info["Name"], info["Version"], info["Priority"]) == ("scripted", "1.2.3", 7)
    assert info["Phases"] == ["certificate", "rewrite", "log", "access", "preread", "response"]
