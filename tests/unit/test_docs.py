"""The documentation is complete and current: tables, links, commands, plugins, strategies, errors."""

import re

import pytest

from docs.fill_tables import DOCS, filled, pages
from kong_vault_py import errors
from kong_vault_py.cli import main
from kong_vault_py.options import options_of
from kong_vault_py.strategies.registry import BUILT_IN, load_strategy

ROOT = DOCS.parent
ALL_PAGES = [*pages(), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
ALL_TEXT = "\n".join(page.read_text() for page in ALL_PAGES)


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_the_tables_of_options_are_what_the_options_declare(page):
    assert filled(page.read_text()) == page.read_text(), "run: python -m docs.fill_tables"


@pytest.mark.parametrize("page", ALL_PAGES, ids=named)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{named(page)} links to {target}"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_strategy_has_a_page_with_all_its_options(name):
    page = (DOCS / "strategies" / f"{name}.md").read_text()

    for known in options_of(load_strategy(name).config_class):
        if known.name not in {
            "ttl",
            "neg_ttl",
            "resurrect_ttl",
            "min_ttl",
            "max_ttl",
            "base64_decode",
            "fetch_timeout_s",
        }:
            assert f"`{known.name}`" in page, known.name


def test_every_plugin_has_a_page_and_is_in_the_index():
    index = (DOCS / "plugins" / "README.md").read_text()
    for plugin in (ROOT / "plugins").glob("*.py"):
        assert (DOCS / "plugins" / f"{plugin.stem}.md").exists()
        assert f"{plugin.stem}.md" in index


def test_every_command_and_every_error_is_documented():
    for command in main.list_commands(None):
        assert f"kong-vault {command}" in ALL_TEXT
    for error in errors.__all__:
        assert error in (DOCS / "errors.md").read_text()


def test_every_decision_is_in_the_index():
    index = (DOCS / "adr" / "README.md").read_text()
    for decision in (DOCS / "adr").glob("0*.md"):
        assert f"({decision.name})" in index


def test_the_python_of_the_documentation_compiles():
    for block in re.findall(r"```python\n(.*?)```", ALL_TEXT, re.DOTALL):
        compile(block, "documentation", "exec")


def test_no_page_names_a_machines_own_paths():
    assert not re.search(r"/(?:root|home/\w+|tmp)/", ALL_TEXT)
