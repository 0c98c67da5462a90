"""A scripted ``kong`` for driving one phase: answers by PDK name, and a record of every call."""

from __future__ import annotations

from typing import Any


class Exited(BaseException):
    """What our server does after ``kong.response.exit``: the plugin ends there, whatever it catches."""


class FakeKong:
    """Callable names under dots, as in both plugin servers.

    Args:
        answers: PDK name without ``kong.`` -> answer, or an exception to raise; others answer ``None``.
    """

    #: As our own server's PDK: answers are plain data.
    __kong_vault_py__ = True

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("__", "."): answer for name, answer in answers.items()}
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.shared: dict[str, Any] = {}

    def __getattr__(self, name: str) -> _Name:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Name(self, name)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def arguments(self, wanted: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.calls if name == wanted]

    def answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        self.calls.append((name, arguments))
        if name in ("response.exit", "response.error"):
            raise Exited
        if name == "ctx.shared.set":
            self.shared[arguments[0]] = arguments[1]
        if name == "ctx.shared.get":
            return self.shared.get(arguments[0])
        answer = self.answers.get(name)
        if isinstance(answer, Exception):
            raise answer
        return answer


class _Name:
    __kong_vault_py__ = True

    def __init__(self, kong: FakeKong, path: str) -> None:
        self._kong = kong
        self._path = path

    def __getattr__(self, name: str) -> _Name:
        return _Name(self._kong, f"{self._path}.{name}")

    def __call__(self, *arguments: Any) -> Any:
        return self._kong.answer(self._path, arguments)


class StockKong:
    """The stock server's PDK around a fake one: every answer is a ``(data, error)`` pair, and exit returns."""

    def __init__(self, kong: FakeKong, path: str = "") -> None:
        self._kong = kong
        self._path = path

    def __getattr__(self, name: str) -> StockKong:
        return StockKong(self._kong, f"{self._path}.{name}".lstrip("."))

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._kong.answer(self._path, arguments), None
        except Exited:
            return None
