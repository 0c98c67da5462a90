"""YAML (and JSON) as a tree whose nodes know where they stand in the text.

Built from libyaml's events without recursion, so that no file, however nested, ends the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Union

import yaml

__all__ = ["Mapping", "Node", "Scalar", "Sequence", "YamlSyntaxError", "pairs_of", "read_documents", "type_of"]

_MAX_DEPTH = 200
_RESOLVER: Any = yaml.resolver.Resolver()
_STRING = "str"
# What YAML 1.2 (decK) takes for a number, and YAML 1.1 as Python reads it does not.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|0o[0-7]+")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar; ``style`` is ``None`` for a plain one, else its character (a quote, ``|``, ``>``, ``!``)."""

    text: str
    start: int
    end: int
    style: str | None


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    start: int
    end: int = 0
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Pairs in order, duplicates included; ``flow`` for one in braces."""

    start: int
    flow: bool
    end: int = 0
    pairs: list[tuple[Node, Node]] = field(default_factory=list)

    def find(self, key: str) -> Node | None:
        """Return the value of a key, the last one where it appears twice; merged keys come after its own."""
        own = [value for name, value in self.pairs if isinstance(name, Scalar) and name.text == key]
        return own[-1] if own else next((value for name, value in pairs_of(self) if name.text == key), None)

    def text(self, key: str) -> str | None:
        """Return the text of a key, if it is a scalar that isn't empty."""
        found = self.find(key)
        return found.text if isinstance(found, Scalar) and found.text else None


Node = Union[Scalar, Sequence, Mapping]  # noqa: UP007  # read at run time, on Python 3.10 too


class YamlSyntaxError(Exception):
    """The text is no YAML; where, and why in the parser's words, which name tokens and never values."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason


def read_documents(text: str, base: int = 0) -> list[Node]:
    """Return the documents of a text.

    Args:
        text: YAML or JSON.
        base: what to add to offsets.

    Raises:
        YamlSyntaxError: it is not YAML, is nested too deep, or refers to an anchor that isn't there.
    """
    try:
        return list(_Builder(base).build(_LOADER(text)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlSyntaxError(base + (mark.index if mark else 0), error.problem or "it can't be parsed") from None
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        raise YamlSyntaxError(base + position, "a character that YAML does not allow") from None
    except yaml.YAMLError:
        raise YamlSyntaxError(base, "it can't be parsed") from None


def type_of(scalar: Scalar) -> str:
    """Return what YAML takes a scalar for: ``str``, ``bool``, ``int``, ``null``, ..."""
    if scalar.style is not None:
        return _STRING
    if _NUMBER.fullmatch(scalar.text):
        return "int"
    return str(_RESOLVER.resolve(yaml.ScalarNode, scalar.text, (True, False))).rpartition(":")[2]


def pairs_of(mapping: Mapping) -> Iterator[tuple[Scalar, Node]]:
    """Yield the pairs of a mapping with scalar keys, those merged into it (``<<: *base``) included."""
    for key, value in mapping.pairs:
        if not isinstance(key, Scalar):
            continue
        if key.text == "<<" and key.style is None:
            for merged in value.items if isinstance(value, Sequence) else [value]:
                if isinstance(merged, Mapping):
                    yield from ((k, v) for k, v in merged.pairs if isinstance(k, Scalar) and k.text != "<<")
        else:
            yield key, value


class _Builder:
    def __init__(self, base: int) -> None:
        self._base = base
        self._anchors: dict[str, Node] = {}
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Node | None] = []

    def build(self, loader: Any) -> Iterator[Node]:
        try:
            while loader.check_event():
                event: Any = loader.get_event()
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors = {}
                done = self._take(event)
                if done is not None:
                    yield done
        finally:
            loader.dispose()

    def _take(self, event: Any) -> Node | None:
        """Take one event in; return a document's root when it is complete."""
        start = self._base + event.start_mark.index
        end = self._base + event.end_mark.index
        if isinstance(event, yaml.ScalarEvent):
            # A tag (!!str) settles the type of what would be a plain scalar.
            style = event.style or (None if event.implicit[0] else "!")
            return self._place(self._named(event, Scalar(event.value, start, end, style)))
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise YamlSyntaxError(start, "an alias to an anchor that is not there")
            return self._place(self._anchors[event.anchor])
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            if len(self._open) >= _MAX_DEPTH:
                raise YamlSyntaxError(start, f"nested deeper than {_MAX_DEPTH} levels")
            flow = bool(event.flow_style)
            made: Sequence | Mapping = (
                Sequence(start) if isinstance(event, yaml.SequenceStartEvent) else Mapping(start, flow)
            )
            self._open.append(self._named(event, made))
            self._keys.append(None)
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            closed = self._open.pop()
            self._keys.pop()
            closed.end = end
            return self._place(closed)
        return None

    def _named(self, event: Any, node: Any) -> Any:
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _place(self, node: Node) -> Node | None:
        if not self._open:
            return node
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = node
        else:
            parent.pairs.append((self._keys[-1], node))
            self._keys[-1] = None
        return None
