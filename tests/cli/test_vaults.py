"""``kong-vault vaults``: what is configured, and how it is."""

import json

from tests.cli.running import kong_vault


def configured(tmp_path):
    """Settings with one vault that works and one that can't be reached."""
    (tmp_path / "secrets").mkdir()
    entities = tmp_path / "kong.yml"
    entities.write_text(
        f"""
        vaults:
        - {{name: fs, prefix: files, config: {{prefix: {tmp_path}/secrets}}}}
        - {{name: hcv, prefix: far, config: {{host: 127.0.0.1, port: 9, protocol: http, token: canary-token}}}}
        """
    )
    settings = tmp_path / "kong-vault.conf"
    settings.touch(mode=0o600)
    settings.write_text(f"vault_py_entities = {entities}\n")
    return settings


def test_each_vault_is_listed_with_its_health_and_one_that_is_not_well_is_an_exit_code(tmp_path):
    done = kong_vault("vaults", "--settings", configured(tmp_path))

    files, far = done.stdout.decode().splitlines()
    assert done.returncode == 1
    assert files.startswith("files  ok")
    assert far.startswith("far    unavailable")
    assert "(hcv)" in far
    assert b"canary" not in done.stdout + done.stderr


def test_named_vaults_alone_are_asked_even_those_that_need_no_configuration(tmp_path):
    done = kong_vault("vaults", "env", "files", "--json", "--settings", configured(tmp_path))

    assert done.returncode == 0
    assert [(row["prefix"], row["strategy"], row["status"]) for row in json.loads(done.stdout)] == [
        ("env", "env", "ok"),
        ("files", "fs", "ok"),
    ]


def test_they_can_be_listed_without_asking(tmp_path):
    done = kong_vault("vaults", "--no-check", "--settings", configured(tmp_path))

    assert done.returncode == 0
    assert b"unavailable" not in done.stdout


def test_a_prefix_that_nobody_knows_is_unknown_and_says_which_there_are(tmp_path):
    done = kong_vault("vaults", "nope", "--settings", configured(tmp_path))

    assert done.returncode == 1
    assert b"prefixes: files, far" in done.stdout


def test_without_a_vault_it_says_what_to_do():
    assert b"no vault is configured" in kong_vault("vaults").stdout


def test_a_prefix_that_leads_nowhere_is_not_called_built_in():
    done = kong_vault("vaults", "nope")

    assert done.returncode == 1
    assert done.stdout.startswith(b"nope  unknown     not configured: no vault entity has the prefix 'nope'")
