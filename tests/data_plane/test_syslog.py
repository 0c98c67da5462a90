"""The manager's audit, sent on as syslog: each entry that is in the database, and no other."""

import contextlib
import json
import re
import socket

import pytest

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.audit.syslog import SyslogSink, syslog_line
from tests.manager.running import open_manager

_RFC_5424 = re.compile(
    rb"<(?P<priority>\d{1,3})>1 (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) [!-~]{1,255} kong-vault \d+ "
    rb"(?P<action>[!-~]{1,32}) - (?P<text>\{.*\})"
)


@pytest.fixture
def receiver(request, tmp_path):
    """A socket of a kind, and the target that names it."""
    if request.param == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.bind(str(tmp_path / "log"))
        target = f"unix:{tmp_path}/log"
    else:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if request.param == "udp" else socket.SOCK_STREAM)
        made.bind(("127.0.0.1", 0))
        target = f"{request.param}://127.0.0.1:{made.getsockname()[1]}"
        if request.param == "tcp":
            made.listen()
    made.settimeout(20)
    with made:
        yield made, target


def received(made, count):
    """Return so many messages."""
    if made.type == socket.SOCK_DGRAM:
        return [made.recv(65536) for _ in range(count)]
    connection, _ = made.accept()
    connection.settimeout(20)
    with connection, connection.makefile("rb") as file:
        lines = []
        for _ in range(count):
            length = b""
            while (digit := file.read(1)) != b" ":
                length += digit
            lines.append(file.read(int(length)))
        return lines


@pytest.mark.parametrize("receiver", ["udp", "tcp", "unix"], indirect=True)
def test_what_is_written_is_sent_on_in_order_and_what_was_rolled_back_is_not(receiver, tmp_path):
    made, target = receiver
    with contextlib.closing(open_manager(tmp_path, syslog=target)) as manager:
        audit, database = manager.records.audit, manager.records.database
        with contextlib.suppress(RuntimeError), database.write() as session:
            audit.append(session, Event("user:x", "vault.create", "never-committed"))
            raise RuntimeError
        group = manager.groups.create("user:x", {"name": "prod"})["id"]
        with database.write() as session:
            audit.append(
                session,
                Event("node:gw-1", "secret.resolve", "{vault://a/b}", group, "denied"),
                Event("node:gw-1", "secret.resolve", "{vault://a/ü}", group),
            )
        found = [_RFC_5424.fullmatch(line) for line in received(made, 3)]

    assert None not in found
    assert [int(line["priority"]) for line in found] == [109, 108, 109]
    told = [json.loads(line["text"]) for line in found]
    assert [entry["seq"] for entry in told] == [1, 2, 3]
    assert [entry["target"] for entry in told][1:] == ["{vault://a/b}", "{vault://a/ü}"]
    assert all(entry["mac"] for entry in told)


def test_a_receiver_that_is_not_there_holds_up_nothing_and_is_told_once(tmp_path, caplog):
    with contextlib.closing(open_manager(tmp_path, syslog=f"unix:{tmp_path}/nobody")) as manager:
        for number in range(3):
            manager.groups.create("user:x", {"name": f"group-{number}"})

    assert caplog.text.count("No such file or directory; trying again") == 1


def test_a_message_can_not_be_broken_by_what_it_tells():
    entry = {"seq": 1, "at": 0, "action": "a b\nc" * 20, "outcome": "ok", "target": "x\n<13>1 forged"}

    line = syslog_line(entry, "host", 1)

    assert _RFC_5424.fullmatch(line)
    assert b"\n" not in line


@pytest.mark.parametrize("target", ["", "host:514", "udp://host", "https://host:1", "unix:relative", "tcp://h:1/path"])
def test_a_target_of_another_form_is_refused(target):
    with pytest.raises(ConfigError, match="expected udp://host:port, tcp://host:port or unix:/path"):
        SyslogSink(target)
