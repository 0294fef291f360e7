"""The comparison: editor after editor, each in its own process, each row kept as soon as it is there. No torch."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from wisedb.bench.child import messages
from wisedb.bench.plan import Candidate, Plan
from wisedb.bench.results import WORK, Key, Results, Row
from wisedb.bench.task import Task
from wisedb.progress import Listener, Progress
from wisedb.store.lock import StoreLock

LOCK: Final = "lock"


def bench(plan: Plan, folder: Path, *, progress: Listener | None = None) -> Results:
    """Measure what a plan asks for and isn't in the folder yet.

    Args:
        plan: the plan.
        folder: keeps the rows, and under ``work/`` the editors' stores; it may hold an earlier, unfinished run of the
            same conditions, which is gone on with.
        progress: is told about it.

    Returns:
        the rows in the folder, those of earlier runs included.

    Raises:
        InputError: the folder holds a comparison under other conditions.
        StoreBusy: another process works in it.
        WisedbError: what an editor failed with; the rows that were measured before are kept.
    """
    # Looked at before the lock is: a folder of something else must not get a lock file.
    Results.open(folder, plan)
    with StoreLock(folder / LOCK, timeout=0.0).hold("bench"):
        results = Results.open(folder, plan)
        for seed in plan.seeds:
            for candidate in plan.candidates:
                _measure(plan, candidate, seed, results, folder / WORK / _folder(candidate, seed), progress)
    return results


def asked(plan: Plan) -> list[Key]:
    """The keys of all rows that a plan asks for."""
    return [
        (candidate.name, length, mode, seed)
        for candidate in plan.candidates
        for length in plan.lengths
        for mode in _modes(plan, candidate)
        for seed in plan.seeds
    ]


def _modes(plan: Plan, candidate: Candidate) -> tuple[str, ...]:
    return plan.modes if candidate.writes else ("base",)


def _folder(candidate: Candidate, seed: int) -> str:
    name = quote(candidate.name, safe=":=, ")
    return name if seed == 0 else f"{name}-seed-{seed}"


def _measure(
    plan: Plan, candidate: Candidate, seed: int, results: Results, folder: Path, progress: Listener | None
) -> None:
    name, wanted = candidate.name, _modes(plan, candidate)
    missing = [
        (length, modes)
        for length in plan.lengths
        if (modes := tuple(mode for mode in wanted if (name, length, mode, seed) not in results))
    ]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if progress is not None:
        progress(Progress(f"{name}: starting", 0, 1))
    shown = Path(plan.model).name if Path(plan.model).is_absolute() else plan.model
    task = Task(
        folder=folder,
        row=Row(name, "", shown, plan.data, 0, plan.protocol, seed, subjects=plan.subjects, format=plan.format),
        writes=candidate.writes,
        source=plan.model,
        revision=plan.revision,
        target=plan.target,
        editor=candidate.editor,
        settings=candidate.settings,
        pool=plan.pool,
        stream=plan.stream[: missing[-1][0]],
        wanted=tuple(missing),
        undo=plan.undo,
        flops=plan.flops,
    )
    # Closed at once whatever happens: the folder may be a temporary one that goes next.
    with closing(messages(task, folder / "worker.log")) as said:
        for message in said:
            if "row" in message:
                results.add(Row.from_json(message["row"]))
            elif progress is not None:
                progress(Progress(**message["progress"]))
