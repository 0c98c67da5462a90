"""The strategies' pages: the policies work on a real Vault, the example passes the suite, the errors are real."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_vault_py.errors import PermissionDeniedError
from kong_vault_py.strategies.registry import BUILT_IN
from tests.servers.vault_server import VaultServer
from tests.strategies.hcv_backends import HcvBackend

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "strategies"
SOURCES = ROOT / "kong_vault_py" / "strategies"


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def backend(request: pytest.FixtureRequest, vault: VaultServer) -> Iterator[HcvBackend]:
    backend = HcvBackend(vault, kv=request.param)
    yield backend
    backend.remove_all()


@pytest.mark.real("vault")
def test_the_documented_policy_is_enough_and_not_too_much(backend: HcvBackend) -> None:
    v2, v1 = _blocks("hcv.md", "hcl")
    policy = (v2 if backend.kv == "v2" else v1).replace('"secret/', f'"{backend.mount}/')
    backend.server.write_policy(backend.policy, policy)
    backend.put("redis", "pw")
    other = HcvBackend(backend.server, kv=1)
    other.put("redis", "others'")

    assert backend.strategy().fetch("redis", None, timeout_s=10).value == '{"value":"pw"}'
    with pytest.raises(PermissionDeniedError):
        backend.strategy(mount=other.mount, kv="v1").fetch("redis", None, timeout_s=10)
    other.remove_all()


def test_the_example_strategy_passes_the_contract_suite(tmp_path: Path) -> None:
    example = tmp_path / "test_shelf.py"
    example.write_text("\n".join(_blocks("README.md", "python")))

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert re.search(r"^\d\d passed in", run.stdout, re.MULTILINE), run.stdout


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_strategy_has_a_page_that_the_index_names(name: str) -> None:
    assert f"]({name}.md)" in (PAGES / "README.md").read_text()
    assert (PAGES / f"{name}.md").exists()


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_errors_on_a_page_are_in_the_code(name: str) -> None:
    module = name.replace("-", "_")
    own = {"azure": ["azure_client"], "azure_certs": ["azure_client"], "konnect": ["../config_store"]}
    shared = ["http", *own.get(module, [])]
    folders = [SOURCES / folder for folder in (module, *shared)]
    literals = _literals(sorted({*SOURCES.glob(f"{module}.py"), *(path for f in folders for path in f.glob("*.py"))}))
    table = (PAGES / f"{name}.md").read_text().partition("## Errors")[2]
    rows = re.findall(r"^\| (?!error|-)(.+?) \|", table, re.MULTILINE)

    assert rows
    for row in rows:
        # What stands in quotes may be a name that differs; "..." is what differs.
        for piece in re.split(r" ?\.\.\. ?(?:\(.*?\))?| ?'[^']*':? ?|\d+", row):
            assert piece.strip() in literals, row


def _literals(paths: list[Path]) -> str:
    """Return the string literals of source files, adjacent ones joined."""
    return re.sub(r'"\s*\n\s*f?"', "", "".join(path.read_text() for path in paths))
