"""Parameters as in a query or a form (``a=1&b``): changed in place, all others kept as the client encoded them."""

from __future__ import annotations

from urllib.parse import quote, unquote_plus

from kong_vault_py.plugin_kit.transform.rules import Rules

__all__ = ["change_parameters"]


def change_parameters(text: str, rules: Rules) -> str:
    """Apply rules to an encoded list of parameters.

    A renamed parameter takes the place of those that had its new name; replacing leaves one; appending adds one more.

    Args:
        text: the encoded parameters; bytes that are no UTF-8 as surrogate escapes.
        rules: what to do.
    """
    pieces = [(_name(piece), piece) for piece in text.split("&") if piece]
    removed = set(rules.remove)
    pieces = [
        (name, piece) for name, piece in pieces if name not in removed and (not rules.allow or name in rules.allow)
    ]
    for old, new in rules.rename:
        pieces = _renamed(pieces, old, new)
    for name, value in rules.replace:
        pieces = _replaced(pieces, name, value)
    for name, value in rules.add:
        if all(name != known for known, _ in pieces):
            pieces.append((name, _encoded(name, value)))
    pieces += [(name, _encoded(name, value)) for name, value in rules.append]
    return "&".join(piece for _, piece in pieces)


Pieces = list[tuple[str, str]]


def _renamed(pieces: Pieces, old: str, new: str) -> Pieces:
    if old == new or all(name != old for name, _ in pieces):
        return pieces
    renamed = []
    for name, piece in pieces:
        if name == old:
            _, separator, value = piece.partition("=")
            renamed.append((new, _quoted(new) + separator + value))
        elif name != new:
            renamed.append((name, piece))
    return renamed


def _replaced(pieces: Pieces, name: str, value: str) -> Pieces:
    places = [index for index, (known, _) in enumerate(pieces) if known == name]
    if not places:
        return pieces
    pieces[places[0]] = (name, _encoded(name, value))
    return [piece for index, piece in enumerate(pieces) if index not in places[1:]]


def _name(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0], errors="surrogateescape")


def _encoded(name: str, value: str) -> str:
    return f"{_quoted(name)}={_quoted(value)}"


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")
