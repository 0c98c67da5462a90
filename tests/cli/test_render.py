"""``kong-vault render``: what is written where, what is refused, and how often vaults are asked."""

import http.server
import json
import os
import pty
import stat
import subprocess
import sys
import threading

import pytest
import yaml

from kong_vault_py.errors import UnavailableError
from kong_vault_py.rendering.document import Document
from kong_vault_py.rendering.formats import format_named, format_of
from kong_vault_py.rendering.output import write_output
from kong_vault_py.rendering.references import Prefixes
from tests.cli.running import kong_vault
from tests.unit.backend import Backend, make_vault

KONG_YML = """\
_format_version: "3.0"
_info: {select_tags: [blue]}  # decK's
plugins:
- name: rate-limiting
  config: &shared
    redis:
      password: "{vault://env/redis-password}"   # keep me
      username: 'user-{vault://env/redis-user}'
"""


@pytest.fixture
def kong_yml(tmp_path):
    path = tmp_path / "kong.yml"
    path.write_text(KONG_YML)
    return path


def test_references_are_replaced_and_nothing_else(kong_yml, tmp_path):
    out = tmp_path / "out.yml"

    done = kong_vault("render", kong_yml, "-o", out, REDIS_PASSWORD='p"1', REDIS_USER="it's")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    expected = KONG_YML.replace("{vault://env/redis-password}", 'p\\"1').replace("{vault://env/redis-user}", "it''s")
    assert out.read_text() == expected
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kong.yml", "out.yml"]


def test_the_old_file_is_replaced_with_the_mode_asked_for_and_a_link_stays_one(kong_yml, tmp_path):
    real, link = tmp_path / "real.yml", tmp_path / "link.yml"
    real.touch(mode=0o666)
    link.symlink_to(real.name)
    before = real.stat().st_ino

    done = kong_vault("render", kong_yml, "-o", link, "--mode", "0640", REDIS_PASSWORD="p", REDIS_USER="u")

    assert done.returncode == 0
    assert link.is_symlink()
    assert real.stat().st_ino != before
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert b"user-u" in real.read_bytes()


def test_all_failures_are_named_by_line_and_the_old_file_stays(kong_yml, tmp_path):
    out = tmp_path / "out.yml"
    out.write_text("old")
    kong_yml.write_text(KONG_YML + 'x: "{vault://nope/a?token=canary}"\ny: "{vault://env/redis-user/k}"\n')

    done = kong_vault("render", kong_yml, "-o", out, REDIS_USER="canary-user")

    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert [line.partition(": {vault://")[0] for line in lines] == [
        f"kong-vault render: {kong_yml}:{number}" for number in (7, 9, 10)
    ]
    assert b"canary" not in done.stderr
    assert out.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_standard_input_and_output_make_a_filter():
    template = json.dumps({"token": "Bearer {vault://env/token}"})

    done = kong_vault("render", "-", "--format", "json", stdin=template.encode(), TOKEN="t")

    assert json.loads(done.stdout) == {"token": "Bearer t"}
    assert kong_vault("render", "-", stdin=b"x").returncode == 2


def test_a_terminal_gets_no_secrets_unless_forced(kong_yml):
    environ = {"REDIS_PASSWORD": "canary", "REDIS_USER": "u"}

    def on_terminal(*arguments):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "kong_vault_py.cli", "render", str(kong_yml), *arguments]
        done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, env=environ, timeout=60, check=False)
        os.close(theirs)
        return done, _drained(ours)

    refused, nothing = on_terminal()
    forced, printed = on_terminal("--force")

    assert (refused.returncode, nothing) == (2, b"")
    assert b"not printed to a terminal" in refused.stderr
    assert forced.returncode == 0
    assert b"canary" in printed


def _drained(descriptor):
    found = b""
    while True:
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:  # Linux says so at a terminal's end
            chunk = b""
        if not chunk:
            os.close(descriptor)
            return found
        found += chunk


def test_check_says_whether_the_file_is_current_and_writes_nothing(kong_yml, tmp_path):
    out = tmp_path / "out.yml"
    secrets = {"REDIS_PASSWORD": "canary-1", "REDIS_USER": "u"}

    missing = kong_vault("render", kong_yml, "-o", out, "--check", **secrets)
    kong_vault("render", kong_yml, "-o", out, **secrets)
    current = kong_vault("render", kong_yml, "-o", out, "--check", **secrets)
    written = out.read_bytes()
    differs = kong_vault("render", kong_yml, "-o", out, "--check", REDIS_PASSWORD="canary-2", REDIS_USER="u")
    broken = kong_vault("render", kong_yml, "--check", REDIS_USER="u")

    assert [done.returncode for done in (missing, current, differs, broken)] == [1, 0, 1, 1]
    assert b"does not exist" in missing.stderr
    assert b"out of date" in differs.stderr
    assert b"redis-password" in broken.stderr
    assert b"canary" not in missing.stderr + differs.stderr + differs.stdout + current.stdout
    assert out.read_bytes() == written


def test_references_of_some_vaults_can_be_left_to_kong(tmp_path):
    (tmp_path / "a.txt").write_text("{vault://env/a} {vault://hcv/b} {vault://:1}")

    excluded = kong_vault("render", tmp_path / "a.txt", "--exclude-prefix", "hcv", "--exclude-prefix", ":1", A="1")
    only = kong_vault("render", tmp_path / "a.txt", "--only-prefix", "env", A="1")

    assert excluded.stdout == only.stdout == b"1 {vault://hcv/b} {vault://:1}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.yml", b"a: 1\nb: [\n", "bad.yml:3: not valid YAML: "),
        ("tab.yml", b"a:\n\t- x\n", "tab.yml:2: not valid YAML: "),
        ("control.yml", b"a: 1\nb: \x01\n", "control.yml:2: not valid YAML: "),
        ("bare.yml", b"a: 1\nb: {vault://env/a}\n", "bare.yml:2: a reference without quotes"),
        ("bad.json", b'{\n"a": }', "bad.json:2: not valid JSON: "),
        ("bad.env", b"A=1\nB C\n", "bad.env:2: not of the form NAME=value"),
        ("open.env", b"A=1\n\nB='x\n", "open.env:3: the quote ' is never closed"),
        ("more.env", b"A='x'y\n", "more.env:1: something follows the closing quote"),
        ("latin.txt", b"caf\xe9", "latin.txt: not UTF-8 text (byte 3)"),
        ("nginx.conf", b"", "nginx.conf: --format conf (as kong.conf is written) or --format text?"),
        ("kong.conf", b"a = {vault://env/two-lines}\n", "kong.conf:1: {vault://env/two-lines}: the value can't be"),
        ("absent.yml", None, "absent.yml: can't read it: No such file"),
        ("self.yml", b"a: 1", "is FILE itself"),
        ("folder.yml", b"a: 1", "can't write it: "),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    out = {"self.yml": path, "folder.yml": tmp_path / "no" / "out"}.get(name, tmp_path / "out")

    done = kong_vault("render", path, "-o", out, TWO_LINES="canary\nx")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr.decode()
    assert b"canary" not in done.stderr


def test_formats_go_by_the_files_name():
    names = {
        "kong.yml": "yaml",
        "a.YAML": "yaml",
        "kong.yml.tmpl": "yaml",
        "x.json": "json",
        ".env": "env",
        ".env.local": "env",
        "kong.env": "env",
        "kong.conf": "conf",
        "kong.conf.default": "conf",
        "kong-prod.conf": "conf",
        "notes.txt": "text",
        "Makefile": "text",
    }

    assert {name: format_of(name) for name in names} == names


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Exception, match="out: can't write it: No space left on device"):
        write_output(out, b"new")

    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_strangers_link_in_a_shared_folder_is_not_followed(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "out").symlink_to(tmp_path / "precious")
    write_output(shared / "out", b"ours")
    real_stat = type(tmp_path).stat

    def strangers(path, *, follow_symlinks=True):
        found = list(real_stat(path, follow_symlinks=follow_symlinks))
        found[4] += 0 if follow_symlinks else 1  # the owner
        return os.stat_result(found)

    monkeypatch.setattr("pathlib.Path.stat", strangers)
    with pytest.raises(Exception, match="somebody else's"):
        write_output(shared / "out", b"theirs")

    assert (tmp_path / "precious").read_bytes() == b"ours"


def test_a_pipe_is_written_to(tmp_path):
    out = tmp_path / "pipe"
    os.mkfifo(out)
    got = []
    reader = threading.Thread(target=lambda: got.append(out.read_bytes()))
    reader.start()

    write_output(out, b"through")
    reader.join(10)

    assert got == [b"through"]


def test_a_process_substitution_is_a_pipe_too(kong_yml):
    script = f'{sys.executable} -m kong_vault_py.cli render "$1" -o >(cat >&3); wait $!'
    environ = {"PATH": os.environ["PATH"], "REDIS_PASSWORD": "p", "REDIS_USER": "through"}

    done = subprocess.run(
        ["bash", "-c", f"exec 3>&1 >/dev/null; {script}", "bash", kong_yml],
        capture_output=True,
        env=environ,
        timeout=60,
        check=False,
    )

    assert b"user-through" in done.stdout


def test_a_thousand_references_to_a_hundred_secrets_are_a_hundred_fetches_side_by_side():
    backend, together = Backend(), threading.Barrier(16)

    def answer():
        together.wait(10)  # 96 of them meet in groups of 16; the last four need not
        return json.dumps({f"k{key}": f"v{key}" for key in range(10)})

    backend.answers = {
        f"s{n}": answer if n < 96 else json.dumps({f"k{key}": "v" for key in range(10)}) for n in range(100)
    }
    lines = [f'- "{{vault://test/s{n}/k{key}}}"' for n in range(100) for key in range(10)]
    document = Document("\n".join(lines), format_named("yaml"), "big.yml", Prefixes())

    with make_vault(backend) as vault:
        done = vault.get_all(document.references)
        text = document.filled(done.values)

    assert len(document.references) == 1000
    assert sorted(backend.calls) == sorted(f"s{n}" for n in range(100))
    assert yaml.safe_load(text)[:12] == [*(f"v{key}" for key in range(10)), "v0", "v1"]


def test_a_vault_that_fails_is_asked_once_per_secret_and_named_for_each_reference():
    backend = Backend()
    backend.answers = {"down": UnavailableError("the test vault is down"), "there": '{"a": "1"}'}
    wanted = [
        f"{{vault://test/{name}}}" for name in ("down/a", "down/b", "there/a", "there/nope", "absent/a", "absent/b")
    ]

    with make_vault(backend) as vault:
        done = vault.get_all(wanted)

    assert list(done.secrets) == ["{vault://test/there/a}"]
    assert backend.calls.count("down") == backend.calls.count("absent") == 1
    assert {name: str(error)[: len(name)] for name, error in done.failures.items()} == {
        name: name for name in wanted if name != "{vault://test/there/a}"
    }


def test_a_hashicorp_vault_gets_one_request_per_secret(tmp_path):
    counted = []

    class Kv(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            fields = {f"k{key}": f"{self.path}-{key}" for key in range(10)}
            data = {"data": fields, "metadata": {"version": 1}}
            if self.path.endswith("lookup-self"):
                data = {"ttl": 0, "renewable": False}
            else:
                counted.append(self.path)
            body = json.dumps({"data": data}).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

        def log_message(self, *_):
            pass

    template = tmp_path / "big.json"
    template.write_text(json.dumps([f"{{vault://hcv/s{n}/k{key}}}" for key in range(10) for n in range(100)]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kv)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        done = kong_vault(
            "render",
            template,
            KONG_VAULT_HCV_HOST="127.0.0.1",
            KONG_VAULT_HCV_PORT=str(server.server_port),
            KONG_VAULT_HCV_PROTOCOL="http",
            KONG_VAULT_HCV_KV="v2",
            KONG_VAULT_HCV_TOKEN="t",
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert done.stderr == b""
    assert sorted(counted) == sorted(f"/v1/secret/data/s{n}" for n in range(100))
    assert json.loads(done.stdout)[:101:100] == ["/v1/secret/data/s0-0", "/v1/secret/data/s0-1"]
