"""docs/plugins: every option appears, and the config to copy is one that the plugin takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
import yaml

from kong_vault_py.testing.schema import complete, validate
from tests.plugins.loading import FOLDER, load

PLUGINS = sorted(path.stem for path in FOLDER.glob("*.py"))


def docs(name: str) -> str:
    return (FOLDER.parent / "docs" / "plugins" / f"{name}.md").read_text()


def options(schema: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in schema:
        for name, field in entry.items():
            yield name
            if field["type"] == "record":
                yield from options(field["fields"])


@pytest.mark.parametrize("name", PLUGINS)
def test_every_option_is_documented(name):
    table = docs(name).partition("## Options")[2].partition("\n## ")[0]
    documented = set(re.findall(r"[\w-]+", table))

    assert set(options(load(name).Schema)) - documented == set()


@pytest.mark.parametrize("name", PLUGINS)
def test_the_config_to_copy_is_taken(name):
    module = load(name)
    (entity,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", docs(name), re.DOTALL)[0])["plugins"]
    config = complete(list(module.Schema), entity["config"])

    validate(list(module.Schema), config)

    assert entity["name"] == name
    assert module.Plugin(config)


@pytest.mark.parametrize("name", PLUGINS)
def test_version_and_priority_are_the_documented_ones(name):
    assert re.search(rf"[Pp]riority {load(name).priority}\b", docs(name))
