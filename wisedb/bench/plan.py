"""What is compared, and under which conditions. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from wisedb.bench.environment import engine, machine, versions
from wisedb.canonical import canonical_json, digest
from wisedb.config import Setting, read_setting
from wisedb.editors.registry import check_given, editors
from wisedb.edits import Edit
from wisedb.errors import InputError, UnknownEditor, UsageError

UNEDITED: Final = "unedited"
"""The row that always comes along: the base model as it is."""

PROTOCOLS: Final = ("one-by-one", "batch")
"""A commit an edit / one commit up to each T."""

MEASURED_MODES: Final = ("retrieve", "merge", "context", "hybrid", "oracle")
"""The router chooses / one memory merged of all / the facts that it finds go into the context / they do where it is
unsure / each prompt is told its memory, which tells what routing costs."""

USUAL_MODES: Final = ("retrieve", "merge", "oracle")
"""Those that are measured where nobody says which."""

FORMATS: Final = ("raw", "chat")
"""Prompts as they stand / each as a user's message behind the model's chat template."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An editor with its settings, or the unedited model: what is compared.

    Attributes:
        name: what the rows call it.
        editor: the editor that writes.
        settings: its settings, on top of what is measured for the model.
        writes: False for the unedited model.
    """

    name: str
    editor: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    writes: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A comparison.

    Attributes:
        candidates: who is compared, the unedited model first.
        model: the base model, as :func:`wisedb.model.base.load_base` takes it.
        data: what the rows call the stream.
        stream: the edits in the order in which they are written, one a prompt.
        lengths: the T at which everything is measured, growing.
        modes: how the memories answer, of :data:`MEASURED_MODES`.
        protocol: of :data:`PROTOCOLS`.
        seeds: where every random choice comes from: everything is written and measured once with each.
        format: how everything is asked that is measured, of :data:`FORMATS`; what it costs is timed on raw prompts.
        subjects: whether the edits keep their subjects; without them they are as users write them who name none.
        settings: those that all editors were given.
        pool: unrelated prompts of the user's own, ``None`` for those that the model writes.
        revision: of the base model.
        target: the module that is edited, ``None`` for the default.
        undo: whether one edit is reverted at each T, to see what that takes and leaves.
        flops: whether the floating-point operations of training are counted, which takes longer.
    """

    candidates: tuple[Candidate, ...]
    model: str
    data: str
    stream: tuple[Edit, ...]
    lengths: tuple[int, ...]
    modes: tuple[str, ...] = USUAL_MODES
    protocol: str = PROTOCOLS[0]
    seeds: tuple[int, ...] = (0,)
    subjects: bool = True
    settings: Mapping[str, Setting] = field(default_factory=dict)
    pool: tuple[str, ...] | None = None
    revision: str | None = None
    target: str | None = None
    format: str = FORMATS[0]
    undo: bool = False
    flops: bool = False

    @classmethod
    def make(
        cls,
        candidates: tuple[Candidate, ...],
        model: str,
        data: str,
        edits: Iterable[Edit],
        lengths: Iterable[int],
        **more: Any,
    ) -> Self:
        """A plan, checked.

        Args:
            candidates: see :func:`candidates`.
            model, data: see the class.
            edits: the records; of those that share a prompt the first is kept, without its subject where the plan says
                so.
            lengths: the T, in any order.
            **more: the other attributes.

        Raises:
            UsageError: a length below 1, no seed, or a mode, a protocol or a format that there isn't.
            InputError: the records are fewer than the largest T.
        """
        first: dict[str, Edit] = {}
        for edit in edits:
            first.setdefault(edit.key, edit)
        plan = cls(candidates, model, data, tuple(first.values()), tuple(sorted(set(lengths))), **more)
        plan._check()
        if plan.subjects:
            return plan
        return replace(plan, stream=tuple(replace(edit, subject=None) for edit in plan.stream))

    def _check(self) -> None:
        if not self.lengths or self.lengths[0] < 1:
            raise UsageError("a stream has at least one edit", hint="Give --edits 1 or more, such as 1,10,100.")
        if not self.seeds:
            raise UsageError("no seed is named", hint="Give --seeds one or more, such as 0,1,2.")
        if self.protocol not in PROTOCOLS:
            raise UsageError(f"there is no protocol '{self.protocol}'", hint=f"There are: {', '.join(PROTOCOLS)}.")
        if self.format not in FORMATS:
            raise UsageError(f"there is no format '{self.format}'", hint=f"There are: {', '.join(FORMATS)}.")
        unknown = [mode for mode in self.modes if mode not in MEASURED_MODES]
        if unknown or not self.modes:
            raise UsageError(
                f"there is no mode '{''.join(unknown[:1])}'", hint=f"There are: {', '.join(MEASURED_MODES)}."
            )
        if len(self.stream) < self.lengths[-1]:
            raise InputError(
                f"{self.lengths[-1]} edits are asked for, {self.data} holds {len(self.stream)} with different prompts",
                hint=f"Give a file with more edits, or --edits {len(self.stream)} or less.",
            )

    def conditions(self) -> dict[str, Any]:
        """What rows must share to stand in one table, as JSON values.

        Not in it: which editors, modes and seeds are asked for, and under one-by-one the lengths, since none of these
        changes another row.
        """
        return {
            "model": self.model,
            "revision": self.revision,
            "target": self.target,
            "data": self.data,
            "stream": digest(canonical_json([edit.id for edit in self.stream])),
            "protocol": self.protocol,
            "format": self.format,
            **({"flops": True} if self.flops else {}),
            "subjects": self.subjects,
            "settings": dict(sorted(self.settings.items())),
            "pool": None if self.pool is None else digest(canonical_json(list(self.pool))),
            "lengths": list(self.lengths) if self.protocol == "batch" else None,
            "machine": machine(),
            "versions": versions(),
            "engine": engine(),
        }


def candidates(names: Sequence[str], settings: Mapping[str, Setting]) -> tuple[Candidate, ...]:
    """The unedited model and the editors of these names, each once.

    Args:
        names: of editors, each alone or with settings of its own: ``memit:gate=keys:steps=30``. So one editor is
            compared with itself under other settings.
        settings: that all of them get; an editor's own win.

    Raises:
        UnknownEditor: there is none of a name; the hint lists those that there are.
        UnknownSetting: one of them has no such setting, or has it no more.
        UsageError: no name, or a setting that isn't ``key=value``.
    """
    there = editors()
    several: list[Candidate] = []
    for name in dict.fromkeys(names):
        editor, *own = name.split(":")
        if editor not in there:
            raise UnknownEditor(f"there is no editor '{editor}'", hint=f"There are: {', '.join(there)}.")
        given = {**settings, **dict(map(read_setting, own))}
        check_given(editor, given)
        several.append(Candidate(name, editor, given))
    if not several:
        raise UsageError("no editor is named", hint=f"There are: {', '.join(there)}.")
    # It writes nothing; its store has the first editor's settings, because they say which prompts count as unrelated.
    return Candidate(UNEDITED, several[0].editor, several[0].settings, writes=False), *several


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """How two :meth:`Plan.conditions` differ, each difference as a short text."""
    return [
        f"{name} {_short(one.get(name))} there, {_short(other.get(name))} here"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    if isinstance(value, Mapping):
        return " ".join(f"{name}={item}" for name, item in value.items()) or "none"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
