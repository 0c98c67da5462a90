"""The protocol against a model of it, in any order of requests, on any connection: every request is answered once,
by the config it is for, and an event goes on from where it was. ``KONG_VAULT_FUZZ=N`` runs N times as many."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule, run_state_machine_as_test

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import PluginServer

RUNS = 25 * int(os.environ.get("KONG_VAULT_FUZZ", "1"))
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=300), st.binary(max_size=300)
)


class Protocol(RuleBasedStateMachine):
    """Kong's side, and what it expects."""

    path: Path
    instances = Bundle("instances")
    closed = Bundle("closed")
    events = Bundle("events")

    @initialize()
    def connect(self) -> None:
        self.kong = Kong(self.path, connections=3)
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "kong"):
            self.kong.close()

    @rule(target=instances, calls=st.integers(0, 4))
    def start(self, calls: int):
        self.count += 1
        name = f"header-{self.count}"
        script = [["call", "kong.request.get_header", name]] * calls
        return self.kong.start("scripted", access=[*script, *([["report"]] if calls else [])]), name, calls

    @rule(target=events, instance=instances)
    def begin(self, instance):
        number, name, calls = instance
        error, result = self.kong.wire().ask("HandleEvent", {"InstanceId": number, "EventName": "access"})
        assert error is None
        return {"id": result["EventId"], "asks": result["Data"], "name": name, "left": calls, "given": []}

    @rule(event=events, value=VALUES)
    def answer(self, event, value) -> None:
        self._check(event)
        if event["asks"] == "ret":
            return
        if event["left"]:
            event["left"] -= 1
            event["given"].append(value)
        data = {} if value is None else {"Data": value}
        error, result = self.kong.wire().ask("Step", {"EventId": event["id"], **data})
        assert (error, result["EventId"]) == (None, event["id"])
        event["asks"] = result["Data"]

    def _check(self, event) -> None:
        asks = event["asks"]
        if asks == "ret":
            return
        if asks["Method"] == "kong.request.get_header":
            assert asks["Args"] == [event["name"]]
        else:
            assert asks == {"Method": "kong.response.set_header", "Args": ["x-results", repr(event["given"])]}

    @rule(target=closed, instance=consumes(instances))
    def close(self, instance):
        error, told = self.kong.wire().ask("CloseInstance", instance[0])
        assert (error, told["Id"]) == (None, instance[0])
        return instance[0]

    @rule(number=closed)
    def ask_a_closed_one(self, number: int) -> None:
        error, _ = self.kong.wire().ask("HandleEvent", {"InstanceId": number, "EventName": "access"})
        assert error.startswith("no plugin instance #")

    @rule(
        method=st.text(max_size=40),
        argument=st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    )
    def ask_nonsense(self, method: str, argument) -> None:
        error, result = self.kong.wire().ask(f"No{method}", argument)
        assert isinstance(error, str)
        assert result is None

    @rule(
        argument=st.one_of(
            VALUES, st.dictionaries(st.sampled_from(["EventId", "Data", "InstanceId", "EventName"]), VALUES)
        ),
        method=st.sampled_from(["Step", "StepError", "HandleEvent", "CloseInstance", "StartInstance"]),
    )
    def ask_the_wrong_thing(self, method: str, argument) -> None:
        error, _ = self.kong.wire().ask(method, argument)
        assert isinstance(error, str)


def test_the_protocol_holds_in_any_order() -> None:
    with tempfile.TemporaryDirectory(prefix="kvp") as name:
        server = PluginServer(Path(name) / "s", Path(name) / "log")
        machine = type("Machine", (Protocol,), {"path": server.path})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=RUNS,
                    stateful_step_count=30,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            server.process.kill()
            server.process.wait()
