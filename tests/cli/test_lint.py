"""``kong-vault lint``: findings on standard output, an exit code, and files mended in place."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from kong_vault_py.cli.lint import command
from kong_vault_py.linting.rules import RULES

CLEAN = 'plugins:\n- name: session\n  config: {secret: "{vault://env/session}"}\n'
SECRET = "plugins:\n- name: session\n  config: {secret: canary-secret}\n"
WARNING = 'plugins:\n- name: session\n  config: {secret: "{vault://env/session?ttl=0}"}\n'
BARE = "plugins:\n- name: session\n  config:\n    secret: {vault://env/session}  # keep\n"


def lint(*arguments, text=None, cwd=None, **environ):
    return subprocess.run(
        [sys.executable, "-m", "kong_vault_py.cli", "lint", *map(str, arguments)],
        capture_output=True,
        input=None if text is None else text.encode(),
        env={"PYTHONPATH": str(Path.cwd()), **environ},
        cwd=cwd,
        timeout=60,
        check=False,
    )


@pytest.fixture
def write(tmp_path):
    def written(text, name="kong.yml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def test_a_finding_is_a_line_with_its_place_and_a_remedy(write):
    path = write(SECRET)
    done = lint(path)

    line = done.stdout.decode()
    assert done.returncode == 1
    assert line.startswith(f"{path}:3:20: error KV020: config.secret of plugin session holds a secret in plain text. ")
    assert "{vault://" in line
    assert "\x1b" not in line
    assert done.stderr == b"1 error, 0 warnings, 0 notes in 1 file\n"
    assert b"canary" not in done.stdout


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (CLEAN, [], 0),
        (SECRET, [], 1),
        (SECRET, ["--ignore", "kv020"], 0),
        (WARNING, [], 0),
        (WARNING, ["--strict"], 1),
        (CLEAN.replace("env", "my"), [], 1),
        (CLEAN.replace("env", "my"), ["--prefix", "my"], 0),
        (CLEAN.replace("session", "saml"), ["--edition", "oss", "--kong", "3.9.1"], 1),
    ],
)
def test_the_exit_code_tells(text, options, code):
    assert lint("-", *options, text=text).returncode == code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], b"no FILE"),
        (["absent.yml"], b"absent.yml: can't read it: No such file"),
        (["."], b".: can't read it: Is a directory"),
        (["binary.yml"], b"binary.yml: not UTF-8"),
        (["-", "--kong", "new"], b"'new' is no version"),
        (["-", "--ignore", "KV999"], b"no rule 'KV999'"),
        (["-", "--fix"], b"--fix needs files"),
        (["-", "--edition", "free"], b"'free'"),
        (["--explain", "nope"], b"no rule 'nope'"),
    ],
)
def test_misuse_and_unreadable_files_are_2(write, tmp_path, arguments, message):
    write(b"\xff\xfe", "binary.yml")
    done = lint(*arguments, text="", cwd=tmp_path)

    assert done.returncode == 2
    assert message in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_unreadable_file_does_not_hide_the_findings_of_the_others(write):
    done = lint("/nowhere.yml", write(SECRET))

    assert done.returncode == 2
    assert b"KV020" in done.stdout


def test_json_has_everything(write):
    report = json.loads(lint(write(SECRET), "--format", "json").stdout)

    (found,) = report["findings"]
    assert report["counts"] == {"error": 1, "warning": 0, "note": 0}
    assert (found["rule"], found["line"], found["column"], found["end_column"]) == ("KV020", 3, 20, 33)
    assert found["why"] == RULES["KV020"].why


def test_github_gets_escaped_commands(write):
    path = write(SECRET + "# 100%\n", "a,b:c%.yml")
    line = lint(path, "--format", "github").stdout.decode()

    properties, _, message = line.removeprefix("::error ").partition("::")
    values = dict(pair.split("=") for pair in properties.split(","))
    assert values["file"].endswith("/a%2Cb%3Ac%25.yml")
    assert (values["line"], values["endLine"], values["col"], values["endColumn"]) == ("3", "3", "20", "33")
    assert "config.secret" in message


def test_sarif_is_what_the_standard_asks_for(write, tmp_path):
    write(SECRET, "a b.yml")
    write(BARE, "ä.yml")
    log = json.loads(lint("a b.yml", tmp_path / "ä.yml", "--format", "sarif", cwd=tmp_path).stdout)

    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for rule in rules:
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert all(isinstance(number, int) and number >= 1 for number in region.values())
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]]
    assert uris == ["a%20b.yml", f"file://{tmp_path}/%C3%A4.yml"]


def test_fix_mends_in_place_and_keeps_the_rest(write):
    path = write(("\ufeff" + BARE).replace("\n", "\r\n"))
    path.chmod(0o640)
    done = lint("--fix", path)

    assert done.returncode == 0
    assert path.read_bytes().decode() == ("\ufeff" + BARE).replace("\n", "\r\n").replace(
        "{vault://env/session}", '"{vault://env/session}"'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["kong.yml"]


def test_fix_leaves_alone_what_it_cannot_mend_and_follows_links(write, tmp_path):
    real = write(BARE + SECRET.replace("plugins", "other"), "real.yml")
    link = tmp_path / "link.yml"
    link.symlink_to(real)
    sound = write(CLEAN, "sound.yml")
    before = sound.stat()

    assert lint("--fix", link, sound).returncode == 0
    assert link.is_symlink()
    assert '"{vault://env/session}"  # keep' in real.read_text()
    assert (sound.stat().st_ino, sound.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_fix_that_cannot_write_says_so_and_leaves_the_file(write, monkeypatch, tmp_path):
    path = write(BARE)
    monkeypatch.setattr("tempfile.mkstemp", Mock(side_effect=PermissionError(13, "Permission denied", str(tmp_path))))
    done = CliRunner().invoke(command, ["--fix", str(path)])

    assert done.exit_code == 2
    assert "can't write" in done.output
    assert "Permission denied" in done.output
    assert path.read_text() == BARE


def test_several_files_are_one_configuration(write):
    vaults = write('vaults: [{name: env, prefix: my-env, config: {prefix: "k_"}}]\n', "vaults.yml")
    plugins = write(CLEAN.replace("//env/", "//my-env/"), "plugins.yml")

    assert lint(plugins).returncode == 1
    assert lint(plugins, vaults).returncode == 0


def test_a_rule_explains_itself():
    done = lint("--explain", "kv017")

    assert done.returncode == 0
    assert done.stdout.decode().startswith("KV017 unquoted-reference (error)")
