"""decK's own engine against a group's URL: what decK's ping, dump, diff and sync do, it does."""

import os
import subprocess

import pytest
import yaml

from tests.manager.running import ON_SQLITE

FILE = """\
_format_version: "3.0"
_info: {select_tags: [team-red]}
vaults:
- name: env
  prefix: my-env
  description: ours
  config: {prefix: '${{ env "DECK_ENV_PREFIX" }}'}
- name: hcv
  prefix: my-hcv
  config: {host: vault.internal, token: canary-of-a-deck-file}
"""


@pytest.fixture
def deck(deck_program, api, group, tmp_path):
    """Runs decK's engine on the group, in a folder of its own."""

    def run(command, *arguments, succeeds=True):
        token = api.root.headers["Authorization"].removeprefix("Bearer ")
        done = subprocess.run(
            [deck_program, command, f"{api.url}/groups/{group}", *arguments],
            env={**os.environ, "KONG_ADMIN_TOKEN": token, "DECK_ENV_PREFIX": "SHOP_"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode == 0) == succeeds, done.stderr
        return (done.stdout if succeeds else done.stderr).strip().splitlines()[-1:]

    return run


@pytest.mark.real("deck")
def test_a_file_goes_in_and_out_and_in_again(deck, kong, tmp_path):
    (tmp_path / "kong.yaml").write_text(FILE)
    kong.put("/vaults/others", json={"name": "env"})

    assert deck("ping") == ["Kong version: 3.9.1"]
    assert deck("diff", "kong.yaml") == ["created 2 updated 0 deleted 0"]
    assert deck("sync", "kong.yaml") == ["created 2 updated 0 deleted 0"]
    made = kong.get("/vaults/my-env").json()
    assert (made["config"]["prefix"], made["tags"], made["description"]) == ("SHOP_", ["team-red"], "ours")

    deck("dump", "dumped.yaml", "team-red")
    dumped = yaml.safe_load((tmp_path / "dumped.yaml").read_text())
    vaults = {vault["prefix"]: vault for vault in dumped["vaults"]}
    assert set(vaults) == {"my-env", "my-hcv"}, "what has another tag is another's"
    assert vaults["my-hcv"]["config"]["token"] == "***"
    assert deck("diff", "dumped.yaml") == ["created 0 updated 0 deleted 0"], "a mask stands for what is there"

    dumped["vaults"] = [vaults["my-hcv"] | {"config": vaults["my-hcv"]["config"] | {"ttl": 60}}]
    (tmp_path / "dumped.yaml").write_text(yaml.safe_dump(dumped))
    assert deck("sync", "dumped.yaml") == ["created 0 updated 1 deleted 1"]
    assert kong.get("/vaults/my-hcv").json()["config"]["ttl"] == 60
    assert {vault["prefix"] for vault in kong.get("/vaults").json()["data"]} == {"my-hcv", "others"}


@ON_SQLITE
@pytest.mark.real("deck")
def test_it_tells_what_is_wrong_with_a_file(deck, kong, tmp_path):
    (tmp_path / "bad.yaml").write_text('_format_version: "3.0"\nvaults: [{name: nope, prefix: no-pe}]\n')

    (told,) = deck("sync", "bad.yaml", succeeds=False)

    assert "HTTP status 400" in told
    assert "vault 'nope' is not installed" in told
    assert kong.get("/vaults").json()["data"] == []
