"""One file: its references, and its text with their values in their places."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from kong_vault_py.errors import ConfigError, VaultError
from kong_vault_py.rendering.places import Format, Place, SyntaxProblemError, UnwritableError
from kong_vault_py.rendering.references import Filled, Prefixes, split
from kong_vault_py.resources import shown

__all__ = ["Document", "UnrenderableError", "decoded"]


class UnrenderableError(ConfigError):
    """Values can't be written into the document.

    Args:
        problems: one line each, with file and line.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def decoded(raw: bytes, name: str) -> str:
    """Return a file's text.

    Raises:
        ConfigError: it is not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start})") from None


class Document:
    """A text of a format, scanned once for references.

    Args:
        text: the whole text.
        form: its format.
        name: the file's name, for messages.
        prefixes: which references are wanted.

    Raises:
        ConfigError: the text is not of that format; names the line.
    """

    def __init__(self, text: str, form: Format, name: str, prefixes: Prefixes) -> None:
        self._text = text
        self._form = form
        self._name = name
        self._slots: list[tuple[Place, tuple[str, ...]]] = []
        try:
            for place in form.places(text):
                parts = split(place.value, prefixes)
                if len(parts) > 1:
                    self._slots.append((place, parts))
        except SyntaxProblemError as error:
            raise ConfigError(f"{name}{f':{error.line}' if error.line else ''}: {error.problem}") from None

    @property
    def references(self) -> tuple[str, ...]:
        """The document's references, each once, in their order."""
        return tuple(dict.fromkeys(part for _place, parts in self._slots for part in parts[1::2]))

    def told(self, failures: Mapping[str, VaultError]) -> list[str]:
        """Return one line per failed reference: where it stands first, and why it failed."""
        lines = []
        seen = set()
        for place, parts in self._slots:
            for reference in parts[1::2]:
                if reference in failures and reference not in seen:
                    seen.add(reference)
                    lines.append(f"{self._at(place)}: {' '.join(str(failures[reference]).split())}")
        return lines

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the text with its references replaced; all else is as it was.

        Args:
            values: reference -> plaintext, for every one of :attr:`references`.

        Raises:
            UnrenderableError: the format can't hold a value at its place.
        """
        pieces, end, problems = [], 0, []
        for place, parts in self._slots:
            try:
                pieces += [self._text[end : place.start], self._written(place, Filled(parts, values))]
            except UnwritableError as error:
                names = ", ".join(shown(reference) for reference in parts[1::2])
                problems.append(f"{self._at(place)}: {names}: the value can't be written here: {error}")
            end = place.end
        if problems:
            raise UnrenderableError(problems)
        text = "".join([*pieces, self._text[end:]])
        self._prove(text, values)
        return text

    def _written(self, place: Place, filled: Filled) -> str:
        if self._form.utf8_only and any("\ud800" <= c <= "\udfff" for value in filled.fills for c in value):
            raise UnwritableError("it is not UTF-8 text (base64 it in the vault, or render another format)")
        return self._form.written(place, self._text[place.start : place.end], filled)

    def _prove(self, text: str, values: Mapping[str, str]) -> None:
        """Read the new text as its readers will: every string is the old one, with its references replaced."""
        expected = {place.start: Filled(parts, values).text for place, parts in self._slots}
        try:
            for old, new in zip_longest(self._form.places(self._text), self._form.places(text)):
                if old is None or new is None or new.value != expected.get(old.start, old.value):
                    at = self._at(old) if old else self._name
                    raise UnrenderableError([f"{at}: the value would not read back as it is: put it in quotes"])
        except SyntaxProblemError as error:
            raise UnrenderableError([f"{self._name}: with its values it would be {error.problem}"]) from None

    def _at(self, place: Place) -> str:
        return f"{self._name}:{self._text.count(chr(10), 0, place.start) + 1}"
