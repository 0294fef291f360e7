"""How lines of history run, drawn beside the commits as git draws them."""

from __future__ import annotations

from collections.abc import Sequence

from . import render
from .lines import Line


def drawn(
    commits: Sequence[tuple[str, Sequence[str]]], told: Sequence[Sequence[Line | render.Table | str]], *, spaced: bool
) -> render.Lines:
    """The commits' lines, each behind its place in the drawing.

    Args:
        commits: (id, parents), no parent before its child.
        told: what is said of each, one line or more; tables are not drawn beside.
        spaced: whether an empty line follows each commit.
    """
    shown = {commit_id for commit_id, _ in commits}
    lanes: list[str] = []  # what each column waits for
    for place, ((commit_id, parents), lines) in enumerate(zip(commits, told, strict=True)):
        if commit_id not in lanes:
            lanes.append(commit_id)
        column = lanes.index(commit_id)
        own = [lane for lane in dict.fromkeys(parents) if lane in shown]
        before = len(lanes)
        after, rows = _follow(lanes, column, own)
        rest = " ".join("|" for _ in after)
        for number, text in enumerate(lines):
            mark = _row(before, column, "*") if number == 0 else rest if own or after else ""
            # What is said below a merge stands beside the wider drawing.
            if number == 1:
                yield from (render.line((row, "red")) for row in rows)
            yield _beside(mark.ljust(max(2 * before - 1, len(rest))), text)
        if len(lines) <= 1:
            yield from (render.line((row, "red")) for row in rows)
        if spaced and place < len(commits) - 1:
            yield render.line((rest, "red"))
        lanes = after


def _follow(lanes: Sequence[str], column: int, parents: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns below a commit, and the rows that lead there."""
    rows: list[str] = []
    after = list(lanes)
    width = len(lanes)
    if not parents:
        del after[column]
        if column < width - 1:
            rows.append(_bent(column, width, "/", keep=False))
        return after, rows
    after[column] = parents[0]
    for extra in parents[1:]:
        if extra not in after:
            after.insert(column + 1, extra)
            rows.append(_bent(column, len(after), "\\", keep=True))
    # Columns that wait for the same commit become one.
    place = 0
    while place < len(after):
        first = after.index(after[place])
        if first < place:
            rows.append(_bent(place - 1, len(after), "/", keep=True))
            del after[place]
        else:
            place += 1
    return after, rows


def _row(width: int, column: int, mark: str) -> str:
    return " ".join(mark if place == column else "|" for place in range(width))


def _bent(column: int, width: int, stroke: str, *, keep: bool) -> str:
    """A row in which everything right of a column moves by one column."""
    left = " ".join("|" for _ in range(column + keep))
    moved = " ".join(stroke for _ in range(width - column - 1))
    return f"{left}{moved}" if keep else f"{left} {moved}" if left else f" {moved}"


def _beside(drawing: str, text: Line | render.Table | str) -> Line | render.Table | str:
    if isinstance(text, Line):
        return Line(((f"{drawing} ", "red"), *text.parts))
    return f"{drawing} {text}" if isinstance(text, str) else text
