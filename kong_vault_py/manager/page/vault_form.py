"""A vault's form, made from its strategy's options, and what such a form says when it comes back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kong_vault_py.manager.page.forms import Form
from kong_vault_py.options import Option, StrategyConfig
from kong_vault_py.reference import is_reference
from kong_vault_py.secret import MASK

__all__ = ["OptionField", "Section", "form_sections", "given_config", "given_tags"]

CONFIG = "config."
FORGET = "forget."

# A strategy with more options than this has those of one first word put together.
_MANY = 12
_SHARED = frozenset(StrategyConfig.__dataclass_fields__)
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")
# Browsers take the line ends out of what is pasted into a field of one line.
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/= ]+)-----END \1-----")
_PEM_LINE_CHARS = 64


@dataclass(frozen=True)
class OptionField:
    """One option as a form field.

    Attributes:
        option: what is declared of it.
        value: the text in the field; never a credential.
        checked: of a checkbox.
        kept: a credential is stored, and stays if the field is left empty.
        reference: the stored value, where a credential is a reference.
        problem: what is wrong with it.
    """

    option: Option
    value: str = ""
    checked: bool = False
    kept: bool = False
    reference: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """The field's name in the form."""
        return CONFIG + self.option.name

    @property
    def widget(self) -> str:
        """Which kind of field it is."""
        if self.option.secret:
            return "secret"
        if self.option.one_of:
            return "select"
        return {"boolean": "checkbox", "string": "text"}.get(self.option.kind, "number")

    @property
    def default(self) -> str:
        """The default as text."""
        default = self.option.default
        return "" if default is None or self.option.secret else str(default)

    @property
    def is_set(self) -> bool:
        """Whether it differs from what it is unset, or has a problem: not to be hidden."""
        if self.widget == "checkbox":
            return self.checked != bool(self.option.default) or bool(self.problem)
        return bool(self.kept or self.problem or (self.value and self.value != self.default))


@dataclass(frozen=True)
class Section:
    """Fields that belong together; one without a title is always open."""

    title: str
    fields: tuple[OptionField, ...]

    @property
    def open(self) -> bool:
        """Whether it has anything that should be seen."""
        return any(field.is_set for field in self.fields)


def form_sections(
    options: Iterable[Option], config: Mapping[str, Any], form: Form | None, problems: Mapping[str, str]
) -> list[Section]:
    """Return a form's sections.

    Args:
        options: the strategy's.
        config: the stored config, masked; empty for a new vault.
        form: what was sent, where the form is shown again.
        problems: what is wrong by field name.
    """
    fields = [_field(known, config.get(known.name), form, problems) for known in options]
    shared = tuple(field for field in fields if field.option.name in _SHARED)
    own = [field for field in fields if field.option.name not in _SHARED]
    words = Counter(_word(field) for field in own if "_" in field.option.name) if len(own) > _MANY else Counter[str]()
    together = [word for word, count in words.items() if count > 1 and word != "auth"]
    sections = [Section("", tuple(field for field in own if _word(field) not in together))]
    sections += [Section(f"Options {word}_…", tuple(f for f in own if _word(f) == word)) for word in together]
    return [section for section in (*sections, Section("Caching and deadline", shared)) if section.fields]


def given_config(options: Iterable[Option], form: Form, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config that a form says; a credential that was left empty stays what it is stored as."""
    return {known.name: _given(known, form, stored.get(known.name)) for known in options}


def given_tags(text: str) -> list[str] | None:
    """Return the tags of a field with commas between them."""
    return [tag for part in text.split(",") if (tag := part.strip())] or None


def _given(known: Option, form: Form, stored: Any) -> Any:
    text = form.get(CONFIG + known.name, "").strip()
    if known.kind == "boolean":
        return CONFIG + known.name in form
    if known.secret and not text:
        return None if FORGET + known.name in form else stored
    if not text:
        return None
    if known.kind in ("integer", "number") and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return _PEM.sub(_with_lines, text)


def _with_lines(found: re.Match[str]) -> str:
    body = found[2].replace(" ", "")
    lines = [body[start : start + _PEM_LINE_CHARS] for start in range(0, len(body), _PEM_LINE_CHARS)]
    return "\n".join([f"-----BEGIN {found[1]}-----", *lines, f"-----END {found[1]}-----\n"])


def _field(known: Option, stored: Any, form: Form | None, problems: Mapping[str, str]) -> OptionField:
    name = CONFIG + known.name
    problem = problems.get(name, "")
    if known.secret:
        reference = stored if is_reference(stored) else ""
        return OptionField(known, kept=stored == MASK or bool(reference), reference=reference, problem=problem)
    if known.kind == "boolean":
        before = known.default if stored is None else stored
        return OptionField(known, checked=bool(before) if form is None else name in form, problem=problem)
    value = form.get(name, "") if form is not None else "" if stored is None else str(stored)
    return OptionField(known, value=value, problem=problem)


def _word(field: OptionField) -> str:
    return field.option.name.partition("_")[0]
