"""``kong-vault doctor``: each thing that goes wrong on real machines, told with what to do about it."""

import contextlib
import json
import socket
import ssl
import sys
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kong_vault_py.diagnosis.finding import Grade
from kong_vault_py.diagnosis.of_kong_conf import of_kong_conf
from kong_vault_py.diagnosis.of_settings import of_settings
from kong_vault_py.diagnosis.of_sockets import of_socket
from kong_vault_py.diagnosis.of_vaults import of_clock, of_tls
from tests.cli.running import kong_vault

KONG_VAULT = str(Path(sys.executable).with_name("kong-vault"))
PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture
def own_http_server():
    """Host, port and the time that a server tells."""

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(404)
            self.end_headers()

        def date_time_string(self, timestamp=None):
            return formatdate(1_800_000_000, usegmt=True)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield "127.0.0.1", server.server_port, 1_800_000_000
        server.shutdown()
        thread.join()


@pytest.fixture
def own_tls_server(certificates):
    """Host and port of a TLS server, and the file of the CA that signed its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                with plain, contextlib.suppress(OSError):
                    context.wrap_socket(plain, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield "127.0.0.1", listener.getsockname()[1], str(certificates.authority)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def told(findings, grade):
    """The findings of a grade as one text."""
    return "\n".join(f"{f.topic}: {f.text} -> {f.remedy}" for f in findings if f.grade is grade)


@pytest.fixture
def settings_file(tmp_path):
    path = tmp_path / "kong-vault.conf"
    path.touch(mode=0o600)
    return path


def test_a_machine_on_which_all_is_well(settings_file, tmp_path):
    (tmp_path / "secrets").mkdir()
    settings_file.write_text(f"vault_fs_prefix = {tmp_path}/secrets\n")

    done = kong_vault("doctor", "--settings", settings_file)

    assert done.returncode == 0
    assert "✓ vault fs: fs answers" in done.stdout.decode()
    assert "✗" not in done.stdout.decode()


def test_a_vault_that_cannot_be_reached_is_a_failure_with_a_remedy_and_without_its_token(settings_file):
    settings_file.write_text("vault_hcv_host = 127.0.0.1\nvault_hcv_port = 9\nvault_hcv_token = canary\n")

    done = kong_vault("doctor", "--settings", settings_file, "--json")

    failures = [found for found in json.loads(done.stdout) if found["grade"] == "failure"]
    assert done.returncode == 1
    assert [found["topic"] for found in failures] == ["vault hcv"]
    assert "docs/strategies/hcv.md" in failures[0]["remedy"]
    assert b"canary" not in done.stdout + done.stderr


def test_settings_that_others_may_read_and_keys_that_nobody_reads_are_told(settings_file):
    settings_file.write_text("vault_hcv_hots = vault.internal\nvault_nope_host = x\nvault_hcv_host = h\n")
    settings_file.chmod(0o644)

    warnings = told(of_settings(str(settings_file), {}), Grade.WARNING)

    assert f"has mode 0644: others may read its credentials -> chmod 600 {settings_file}" in warnings
    assert "nothing reads 'vault_hcv_hots' -> did you mean vault_hcv_host?" in warnings
    assert "nothing reads 'vault_nope_host'" in warnings


def test_a_broken_settings_file_is_a_failure(settings_file):
    settings_file.write_text("no equals sign\n")

    assert "line 1: not of the form" in told(of_settings(str(settings_file), {}), Grade.FAILURE)


def test_what_a_server_started_by_kong_would_lack_is_told_by_name_only(settings_file):
    settings_file.write_text("vault_hcv_host = h\n")
    environ = {"KONG_VAULT_HCV_HOST": "h", "KONG_VAULT_HCV_TOKEN": "canary", "AWS_SECRET_ACCESS_KEY": "canary"}

    warnings = told(of_settings(str(settings_file), environ), Grade.WARNING)

    assert "set in this shell only: KONG_VAULT_HCV_TOKEN -> Kong starts plugin servers with an empty" in warnings
    assert "credentials of this shell: AWS_SECRET_ACCESS_KEY" in warnings
    assert "canary" not in warnings


def test_a_socket_that_nobody_made_one_left_behind_and_one_that_works(tmp_path):
    path = tmp_path / "agent.sock"

    assert "no socket" in told(of_socket("agent", path, timeout_s=5, start="start it"), Grade.FAILURE)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o600)
        refused = told(of_socket("agent", path, timeout_s=5, start="start it"), Grade.FAILURE)
        server.listen()
        assert "takes connections, mode 0600" in told(of_socket("agent", path, timeout_s=5, start=""), Grade.OK)
        path.chmod(0o666)
        assert "every user may talk" in told(of_socket("agent", path, timeout_s=5, start=""), Grade.WARNING)
    assert "nobody listens: left behind by a server that was killed -> start it" in refused


def test_a_plain_file_in_the_sockets_place_is_told(tmp_path):
    (tmp_path / "agent.sock").touch()

    assert "is a file" in told(of_socket("agent", tmp_path / "agent.sock", timeout_s=5, start=""), Grade.FAILURE)


def kong_conf(tmp_path, **lines):
    path = tmp_path / "kong.conf"
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    return path


def test_a_kong_conf_as_it_should_be(tmp_path):
    conf = kong_conf(
        tmp_path,
        plugins="bundled,vault-proxy-cache",
        pluginserver_names="vault-proxy-cache",
        pluginserver_vault_proxy_cache_query_cmd=f"{KONG_VAULT} pluginserver -d {PLUGINS} --dump vault-proxy-cache",
        pluginserver_vault_proxy_cache_start_cmd=f"{KONG_VAULT} pluginserver -d {PLUGINS} --settings /etc/kong.conf",
        pluginserver_vault_proxy_cache_socket=str(tmp_path / "plugins.sock"),
    )

    findings = list(of_kong_conf(conf, {}, timeout_s=30))

    assert "query_cmd describes vault-proxy-cache" in told(findings, Grade.OK)
    assert told(findings, Grade.WARNING) == ""
    assert told(findings, Grade.FAILURE).endswith("plugins.sock -> start Kong, which starts it")


@pytest.mark.parametrize(
    ("lines", "grade", "message"),
    [
        ({"query_cmd": "/nowhere/kong-vault"}, Grade.FAILURE, "isn't there"),
        ({"query_cmd": "echo not json"}, Grade.FAILURE, "more or other than a plugin dump"),
        ({"query_cmd": "false"}, Grade.FAILURE, "query_cmd ended with 1"),
        ({"query_cmd": "sleep 60"}, Grade.FAILURE, "took more than"),
        ({}, Grade.FAILURE, "has no query_cmd"),
        ({"query_cmd": """echo '[{"Name": "a"}, {"Name": "b"}]'"""}, Grade.WARNING, "read the first plugin"),
        ({"query_cmd": """echo '[{"Name": "a"}]'"""}, Grade.FAILURE, "'a' is not enabled -> plugins = bundled,a"),
        ({"start_cmd": "kong-vault pluginserver"}, Grade.FAILURE, "Kong gives no PATH"),
        ({"start_cmd": "/nowhere/kong-vault pluginserver"}, Grade.FAILURE, "can't be run by this user"),
        ({"start_cmd": f"{KONG_VAULT} pluginserver"}, Grade.WARNING, "names no --settings"),
    ],
)
def test_what_goes_wrong_with_a_plugin_server(tmp_path, lines, grade, message):
    conf = kong_conf(tmp_path, pluginserver_names="py", **{f"pluginserver_py_{key}": lines[key] for key in lines})

    assert message in told(of_kong_conf(conf, {}, timeout_s=2), grade)


def test_two_servers_on_one_socket_are_told(tmp_path):
    each = {"socket": "/run/one.sock", "start_cmd": "/bin/true"}
    conf = kong_conf(
        tmp_path,
        pluginserver_names="a,b",
        **{f"pluginserver_{name}_{key}": value for name in "ab" for key, value in each.items()},
    )

    assert "a, b each start a server on /run/one.sock" in told(of_kong_conf(conf, {}, timeout_s=2), Grade.FAILURE)


def test_a_lua_strategy_that_kong_would_not_find_is_told(tmp_path):
    found = tmp_path / "lua" / "kong" / "vaults" / "hcv" / "init.lua"
    found.parent.mkdir(parents=True)
    found.touch()
    conf = kong_conf(tmp_path, vaults="bundled,hcv,aws", lua_package_path=f"{tmp_path}/lua/?.lua;;")

    findings = list(of_kong_conf(conf, {"LUA_PATH": "x"}, timeout_s=2))

    assert "Lua strategy hcv: on lua_package_path" in told(findings, Grade.OK)
    assert "Lua strategy aws: not on lua_package_path" in told(findings, Grade.FAILURE)


def test_a_kong_conf_that_cannot_be_read_is_a_failure(tmp_path):
    assert "can't read" in told(of_kong_conf(tmp_path / "absent", {}, timeout_s=2), Grade.FAILURE)


def test_a_certificate_of_another_ca_is_told_as_such(own_tls_server):
    host, port, ca = own_tls_server

    assert "doesn't hold" in told(of_tls("vault", host, port, ca=None, timeout_s=5), Grade.FAILURE)
    assert "TLS with" in told(of_tls("vault", host, port, ca=ca, timeout_s=5), Grade.OK)


def test_a_clock_that_is_off_is_told(own_http_server):
    host, port, time_there = own_http_server

    def an_hour_ahead():
        return time_there + 3600

    off = told(of_clock("vault", "http", host, port, timeout_s=5, now=an_hour_ahead), Grade.WARNING)
    assert "our clock is +3600 s off" in off
    assert list(of_clock("vault", "http", host, port, timeout_s=5, now=lambda: time_there + 3)) == []
