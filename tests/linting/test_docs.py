"""The pages made from lint's data are current and complete, and the data agrees with itself."""

import pytest

from docs.fill_catalogue import CATALOGUE, LINT, PLUGINS, filled
from kong_vault_py.linting.catalogue import COUNTERPARTS, is_bundled, is_enterprise, load_data, plugin_fields
from kong_vault_py.linting.rules import RULES

SEED = load_data("seed-referenceable-fields")


@pytest.mark.parametrize("page", [CATALOGUE, LINT], ids=lambda page: page.name)
def test_the_pages_are_what_the_data_says(page):
    assert filled(page.read_text()) == page.read_text(), "run: python -m docs.fill_catalogue"


def test_every_rule_is_documented():
    page = LINT.read_text()
    for rule in RULES.values():
        assert f"| {rule.id} {rule.name} | {rule.severity.word} |" in page
        assert rule.why.endswith(".") or rule.why.endswith("?")
        assert rule.remedy.endswith((".", "}"))


@pytest.mark.parametrize("title", SEED)
def test_every_field_of_the_users_table_is_in_the_catalogue(title):
    page = CATALOGUE.read_text()
    known = {path.replace("[]", "").replace("{}", "") for path in plugin_fields(SEED[title]["plugin"])}

    assert set(SEED[title]["fields"]) <= known
    assert f"[{title}](#{SEED[title]['plugin']})" in page


def test_every_field_of_the_data_is_in_the_catalogue():
    page = CATALOGUE.read_text()
    for plugin, fields in load_data("referenceable-fields")["plugins"].items():
        assert is_bundled(plugin) != is_enterprise(plugin)
        assert f"`{plugin}`" in page or f"[{plugin}](#{plugin})" in page
        for path in fields:
            assert f"| `{path}` |" in page


def test_our_plugins_are_in_the_catalogue():
    page = CATALOGUE.read_text()
    for plugin in PLUGINS.glob("*.py"):
        assert f"| `{plugin.stem}` |" in page
    assert all(name.startswith("vault-") for name in COUNTERPARTS.values())
