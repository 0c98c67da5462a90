"""Interleaved rounds, medians and a table: the same for every benchmark."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

ROUNDS = 9


def interleaved(
    subjects: Mapping[str, Callable[[int], None]], *, calls: int, rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Time each subject in turn, round by round, so that a slow moment of the machine hits all alike.

    Args:
        subjects: name -> a function that makes so many calls.
        calls: calls per round.
        rounds: how many rounds count, after one to warm up.

    Returns:
        name -> CPU nanoseconds per call, one figure a round.
    """
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(rounds + 1):
        for name, run in subjects.items():
            began = time.process_time_ns()
            run(calls)
            if number:
                figures[name].append((time.process_time_ns() - began) / calls)
    return figures


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table, so that it can go into docs/benchmarks.md as it is."""
    print(f"\n### {title}\n")
    print(f"| {' | '.join(header)} |")
    print(f"|{'|'.join('---' if not n else '---:' for n in range(len(header)))}|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def median(figures: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(figures)


def ratio(figures: Sequence[float], base: Sequence[float]) -> str:
    """Return the median of the ratios pair by pair, with their spread."""
    pairs = [one / other for one, other in zip(figures, base, strict=True)]
    return f"{median(pairs):.2f} ({min(pairs):.2f} to {max(pairs):.2f})"
