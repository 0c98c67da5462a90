"""How the tests ask: a text in, the rules it breaks out."""

from textwrap import dedent

from kong_vault_py.linting.lint import LintOptions, lint
from kong_vault_py.linting.source import Source
from kong_vault_py.linting.target import Target, kong_version


def found_in(text, *others, name="kong.yml", kong=None, edition=None, prefixes=(), ignored=()):
    """Lint a text (and others, as more files) and return the findings."""
    sources = [Source(name, dedent(text)), *(Source(f"other-{n}.yml", dedent(other)) for n, other in enumerate(others))]
    target = Target(kong_version(kong) if kong else None, edition)
    return lint(sources, LintOptions(target, prefixes, ignored))


def rules_in(text, *others, **options):
    """Return the ids of the rules that a text breaks, in order."""
    return [found.rule.id for found in found_in(text, *others, **options)]


def plugin(name, config):
    """Return a kong.yml with one plugin; ``config`` is one line of flow YAML."""
    return f"plugins:\n- name: {name}\n  config: {config}\n"


def password(value):
    """Return a kong.yml with a referenceable password, the value as written."""
    return f"plugins:\n- name: rate-limiting\n  config:\n    redis:\n      password: {value}\n"
