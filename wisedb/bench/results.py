"""The rows of a comparison, and the file that keeps them from run to run. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from wisedb.bench.plan import MEASURED_MODES, UNEDITED, Plan, differences
from wisedb.errors import CorruptObject, InputError
from wisedb.store.files import Disk
from wisedb.store.places import FOLDER

CONDITIONS: Final = "conditions.json"
ROWS: Final = "results.jsonl"
WORK: Final = "work"

Key = tuple[str, int, str, int]
"""(editor, T, mode, seed) of a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one editor after T edits in one mode, as ``wisedb bench --json`` prints them.

    Shares are 0 to 1 and defined as in :class:`wisedb.serving.evaluate.Evaluation`; ``None`` is what was not, or can't
    be, measured.

    Attributes:
        editor: its name, ``unedited`` for the base model.
        mode: ``retrieve``, ``merge``, ``oracle``, or ``base`` for the base model.
        model: the base model; of a folder its last part.
        data: the stream.
        T: edits written before anything was measured.
        protocol: ``one-by-one`` or ``batch``.
        seed: of every random choice.
        reliability, generalization, locality, exact_match, exact_match_rephrase: shares.
        seconds_per_edit: of training, all T edits', measurements apart.
        prefill_overhead, decode_overhead: time to the first token, and per further token, relative to the unedited
            model; see :mod:`wisedb.bench.latency`.
        bytes_per_edit: what the store's objects grew by.
        peak_rss_bytes: the most memory that the editor's process had held until then.
        recall_at_1, recall_at_1_rephrase: shares of the edits, and of their rephrases, that are routed to the memory
            which holds them; ``None`` where none is behind a gate.
        false_fire: share of the unrelated prompts that are routed to any memory.
        leaked_rephrases, leaked_locality: prompts that are measured by nothing, because training saw their words; see
            :mod:`wisedb.bench.leaks`.
        subjects: False where the stream's subjects were taken out.
        format: how everything was asked, ``raw`` or ``chat``.
        says_it, says_it_rephrase: shares.
        portability, exact_match_portability: shares; ``None`` where no edit has questions about what follows from it.
        forced_agreement: share of the unedited model's own tokens behind unrelated prompts that are still the argmax
            where a memory is forced on.
        forced_perplexity, base_perplexity: of those tokens, forced on and unedited.
        text_agreement, text_perplexity: the same as each prompt is routed.
        right_by_text, right_by_text_rephrase: shares.
        disabled_restored, disabled_kept: shares of edits whose answer is the unedited model's where their memory is
            switched off, and stays where another one is (:func:`wisedb.serving.disable.disable`).
        undo_seconds: of reverting one edit.
        undo_restored, undo_kept: whether (1 or 0) the answer to it is the unedited model's again, and the share of the
            others whose answer stayed (:func:`wisedb.bench.undo.undo`).
        flops_per_edit: floating-point operations of the commits, by matrix products and attention.
    """

    editor: str
    mode: str
    model: str
    data: str
    T: int
    protocol: str
    seed: int
    reliability: float | None = None
    generalization: float | None = None
    locality: float | None = None
    exact_match: float | None = None
    exact_match_rephrase: float | None = None
    seconds_per_edit: float | None = None
    prefill_overhead: float | None = None
    decode_overhead: float | None = None
    bytes_per_edit: float | None = None
    peak_rss_bytes: int | None = None
    recall_at_1: float | None = None
    recall_at_1_rephrase: float | None = None
    false_fire: float | None = None
    leaked_rephrases: int | None = None
    leaked_locality: int | None = None
    subjects: bool = True
    format: str = "raw"
    says_it: float | None = None
    says_it_rephrase: float | None = None
    forced_agreement: float | None = None
    forced_perplexity: float | None = None
    base_perplexity: float | None = None
    portability: float | None = None
    exact_match_portability: float | None = None
    text_agreement: float | None = None
    text_perplexity: float | None = None
    right_by_text: float | None = None
    right_by_text_rephrase: float | None = None
    disabled_restored: float | None = None
    disabled_kept: float | None = None
    undo_seconds: float | None = None
    undo_restored: float | None = None
    undo_kept: float | None = None
    flops_per_edit: float | None = None

    @property
    def key(self) -> Key:
        """What names the row in its table."""
        return self.editor, self.T, self.mode, self.seed

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote.

        Fields of a later version are passed over; those that an earlier one didn't have are empty.

        Raises:
            KeyError, TypeError: a field is missing, or has the wrong type.
        """
        if not isinstance(record["T"], int) or not all(isinstance(record[name], str) for name in ("editor", "mode")):
            raise TypeError("a row needs an editor, a mode and a whole number T")
        there = {field.name: record[field.name] for field in fields(cls) if field.name in record}
        return cls(**there)


class Results:
    """The rows in a folder, one JSON line each.

    Args:
        folder: made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk = Disk()
        self._rows: dict[Key, Row] = {}

    @classmethod
    def open(cls, folder: Path, plan: Plan) -> Results:
        """The rows that are in a folder, for going on under the conditions that they were got under.

        Raises:
            InputError: the folder holds a comparison under other conditions, or something else.
            CorruptObject: its rows can't be read.
        """
        results, wanted = cls(folder), plan.conditions()
        found = results._disk.read_if_there(folder / CONDITIONS)
        if found is None:
            if folder.is_dir() and any(folder.iterdir()):
                raise InputError(f"{folder} holds something else than a benchmark", hint="Give --out a new folder.")
            results._disk.make_folder(folder)
            results._note(wanted)
            return results
        try:
            before = json.loads(found)
        except ValueError as error:
            raise _damaged(folder / CONDITIONS) from error
        if before != wanted and not results._begun():
            results._note(wanted)
            return results
        if apart := differences(before, wanted):
            raise InputError(
                f"{folder} was begun under other conditions: {'; '.join(apart)}",
                hint="Give --out a new folder, or repeat the command that it was begun with.",
            )
        results._read()
        return results

    def __contains__(self, key: Key) -> bool:
        return key in self._rows

    def add(self, row: Row) -> None:
        """Keep a row, and write it down."""
        line = json.dumps(row.to_json(), ensure_ascii=False)
        self._disk.append(self._folder / ROWS, line.encode())
        self._rows[row.key] = row

    def rows(self, keys: Iterable[Key] | None = None) -> list[Row]:
        """These rows, or all: the unedited model first, then the editors as they came, by T, mode and seed."""
        wanted = None if keys is None else set(keys)
        names = list(dict.fromkeys(row.editor for row in self._rows.values()))
        places = {name: place for place, name in enumerate([UNEDITED, *(name for name in names if name != UNEDITED)])}
        modes = {mode: place for place, mode in enumerate(("base", *MEASURED_MODES))}
        chosen: Sequence[Row] = [row for key, row in self._rows.items() if wanted is None or key in wanted]
        return sorted(chosen, key=lambda row: (row.T, places[row.editor], modes.get(row.mode, len(modes)), row.seed))

    def _note(self, conditions: Mapping[str, Any]) -> None:
        document = json.dumps(conditions, indent=2, ensure_ascii=False)
        self._disk.write(self._folder / CONDITIONS, f"{document}\n".encode())

    def _begun(self) -> bool:
        # A model or a setting that there isn't fails before there is anything to go on with.
        return (self._folder / ROWS).exists() or any((self._folder / WORK).glob(f"*/{FOLDER}"))

    def _read(self) -> None:
        data = self._disk.read_if_there(self._folder / ROWS) or b""
        # Behind the last line feed is what a process left that was killed while it wrote.
        for line in data[: data.rfind(b"\n") + 1].splitlines():
            try:
                row = Row.from_json(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise _damaged(self._folder / ROWS) from error
            self._rows[row.key] = row


def _damaged(path: Path) -> CorruptObject:
    return CorruptObject(f"{path} can't be read", hint="Give --out a new folder, or restore the file.")
