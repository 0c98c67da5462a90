"""The command: serves, ends when told to, loses nothing that it acknowledged, and refuses to be unsafe."""

import contextlib
import signal
import ssl
import subprocess
import sys
import threading

import httpx
import pytest
from click.testing import CliRunner

from kong_vault_py.cli.manager import command
from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.settings import ManagerSettings
from tests.manager.running import PASSWORD, open_manager
from tests.servers.polling import wait_until
from tests.servers.ports import free_port


def settings_file(folder, **settings):
    key = folder / "master.key"
    if not key.exists():
        open_manager(folder).close()
    lines = {"folder": folder, "master_key": f"file:{key}", **settings}
    path = folder / "manager.conf"
    path.touch(mode=0o600)
    path.write_text("".join(f"vault_py_manager_{name} = {value}\n" for name, value in lines.items()))
    return path


def run(settings, *arguments, stdin=None):
    """Run a command in this process."""
    return CliRunner().invoke(command, [*arguments, "--settings", str(settings)], input=stdin)


@contextlib.contextmanager
def served(folder, *, verify=True, **settings):
    """A manager's process; gives it with a client. Its log is ``manager.log``."""
    port = free_port()
    path = settings_file(folder, listen=f"127.0.0.1:{port}", **settings)
    scheme = "https" if "tls_cert" in settings else "http"
    with (folder / "manager.log").open("ab") as log:
        serve = [sys.executable, "-m", "kong_vault_py.cli", "manager", "serve", "--settings", str(path)]
        process = subprocess.Popen(serve, stderr=log, stdout=log, cwd=folder)
    try:
        with httpx.Client(base_url=f"{scheme}://127.0.0.1:{port}", verify=verify, timeout=20) as client:

            def answers():
                assert process.poll() is None, (folder / "manager.log").read_text()
                with contextlib.suppress(httpx.TransportError):
                    return client.get("/health").status_code == 200
                return False

            wait_until(answers, "start of the manager")
            yield process, client
    finally:
        process.kill()
        process.wait()


def sign_in(folder, client):
    token = (folder / "bootstrap-token").read_text().strip()
    client.post("/auth/bootstrap", json={"token": token, "username": "root", "password": PASSWORD})
    login = client.post("/auth/login", json={"username": "root", "password": PASSWORD})
    assert login.status_code == 200
    client.headers["X-CSRF-Token"] = login.json()["csrf_token"]
    return login


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.real("postgres"))])
def test_kill_9_loses_no_acknowledged_write(tmp_path, kind, request):
    database = {"database": request.getfixturevalue("postgres").create_database("killed")} if kind == "postgres" else {}
    acknowledged = []
    with served(tmp_path, **database) as (process, client):
        sign_in(tmp_path, client)
        client.post("/groups", json={"name": "prod"})

        def write():
            with contextlib.suppress(httpx.TransportError):
                for number in range(100_000):
                    path = f"/groups/prod/vaults/v-{number}"
                    answer = client.put(path, json={"name": "hcv", "config": {"token": f"token-{number}"}})
                    if answer.status_code == 200:
                        acknowledged.append(answer.json()["id"])

        writing = threading.Thread(target=write)
        writing.start()
        wait_until(lambda: len(acknowledged) >= 25, "writes")
        process.send_signal(signal.SIGKILL)
        process.wait()
        writing.join()

    manager = open_manager(tmp_path, database.get("database"))
    group_id = manager.groups.get("prod")["id"]
    assert set(acknowledged) <= {vault["id"] for vault in manager.vaults.page(group_id, size="1000")[0]}
    manager.close()
    verified = run(tmp_path / "manager.conf", "verify-audit")
    assert verified.exit_code == 0, verified.output


def test_it_speaks_tls_with_a_cookie_for_this_host_alone_and_logs_no_secret(tmp_path, certificates):
    tls = {"tls_cert": certificates.certificate, "tls_key": certificates.key}
    with served(tmp_path, verify=ssl.create_default_context(cafile=certificates.authority), **tls) as (process, client):
        login = sign_in(tmp_path, client)
        client.post("/groups", json={"name": "prod"})
        client.put("/groups/prod/vaults/my-hcv", json={"name": "hcv", "config": {"token": "canary-token", "x": 1}})
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == -signal.SIGTERM, "it ends as it was told, once all is answered"

    assert login.headers["set-cookie"].startswith("__Host-kong-vault-session=")
    assert "Secure" in login.headers["set-cookie"]
    assert login.headers["Strict-Transport-Security"]
    log = (tmp_path / "manager.log").read_text()
    assert "listens on https://127.0.0.1:" in log
    assert "canary" not in log
    assert PASSWORD not in log


def test_the_commands_for_the_data(tmp_path):
    path = settings_file(tmp_path)

    assert run(path, "migrate").output == "the database is at revision 0001\n"
    assert run(path, "rotate-key", "--new-key").output == "1 values are under the current master key now\n"
    assert run(path, "verify-audit").output.startswith("1 entries, the last one's code is ")
    assert len((tmp_path / "master.key").read_text().split()) == 2
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_lost_password_is_replaced_by_whoever_has_the_machine(tmp_path):
    path, manager = settings_file(tmp_path), open_manager(tmp_path)
    token = manager.bootstrap.prepare().read_text().strip()
    manager.bootstrap.use({"token": token, "username": "root", "password": PASSWORD})

    done = run(path, "set-password", "root", stdin="another long password\n")
    refused = run(path, "set-password", "root", stdin="short\n")
    unknown = run(path, "set-password", "nobody", stdin=f"{PASSWORD}\n")

    assert done.exit_code == 0, done.output
    assert manager.signing_in.login("root", "another long password", "here").principal.superadmin
    assert "length must be between 12 and 1000" in refused.output
    assert unknown.output.splitlines()[-1] == "kong-vault manager set-password: user nobody: Not found"
    assert "another long password" not in done.output
    manager.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"listen": "0.0.0.0:8443"}, "would show credentials to the network"),
        ({"listen": "nonsense"}, "won't do: expected one like '127.0.0.1:8443'"),
        ({"tls_cert": "/absent.pem"}, "go together"),
        ({"master_key": "file:/absent.key"}, "master key file /absent.key: can't read it"),
        ({"master_key": ""}, "the manager needs a master key"),
        ({"database": "file:/absent.url"}, "can't read its URL from /absent.url"),
        ({"database": "{vault://env/absent-database-url}"}, "absent-database-url"),
    ],
)
def test_what_can_not_be_is_one_line_at_the_start(tmp_path, settings, message):
    done = run(settings_file(tmp_path, **settings), "serve")

    assert done.exit_code == 1
    (line,) = done.output.splitlines()
    assert line.startswith("kong-vault manager serve: ")
    assert message in line


def test_a_certificate_that_can_not_be_used_ends_the_process_with_one_line(tmp_path):
    path = settings_file(tmp_path, listen="127.0.0.1:0", tls_cert="/absent.pem", tls_key="/absent.key")
    serve = [sys.executable, "-m", "kong_vault_py.cli", "manager", "serve", "--settings", str(path)]

    done = subprocess.run(serve, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("kong-vault manager serve: manager: can't use tls_cert and tls_key")
    assert "Traceback" not in done.stderr


def test_a_network_address_takes_tls_or_a_word(tmp_path):
    with pytest.raises(ConfigError, match="plain_http"):
        ManagerSettings(listen="0.0.0.0:80")
    assert ManagerSettings(listen="0.0.0.0:80", plain_http=True).address == ("0.0.0.0", 80)
    assert ManagerSettings(listen="0.0.0.0:80", tls_cert="a", tls_key="b").tls
    assert ManagerSettings(listen="[::1]:80").address == ("::1", 80)
