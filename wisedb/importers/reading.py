"""A file's records, read one by one: the edits they are, those that are none, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wisedb.edits import Edit
from wisedb.errors import BadRecord, InputError
from wisedb.importers.containers import ENDINGS, parse
from wisedb.importers.fields import FieldProblem, Fields, Record
from wisedb.importers.layouts import Layout, named, recognise, unknown
from wisedb.importers.names import renamed, spelling


@dataclass(frozen=True, slots=True)
class How:
    """How files are to be understood where they don't say it themselves.

    Attributes:
        layout: the name of a layout, ``None`` to recognise it.
        fields: an edit's fields, each with the file's name for it; what isn't named is then left out.

    Raises:
        UsageError: there is no such layout.
    """

    layout: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.layout is not None:
            named(self.layout)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A record that is no edit.

    Attributes:
        problem: which one, and why.
        text: the record on one line, to be mended and read again; empty where nothing behind it can be read either.
    """

    problem: BadRecord
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What files hold.

    Attributes:
        edits: their edits, in the files' order.
        bad: the records that are none.
        left_out: fields that no edit has a place for, each with the number of records that had it.
        repeated: edits whose prompt stood in an earlier record of the same file with the same target, and which
            differ from that in something else.
        contrary: edits whose prompt stood in an earlier record of the same file with another target, and their
            records. They are among the edits too.
    """

    edits: tuple[Edit, ...] = ()
    bad: tuple[BadLine, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    repeated: tuple[Edit, ...] = ()
    contrary: tuple[tuple[Edit, BadLine], ...] = ()

    @classmethod
    def joined(cls, readings: Sequence[Reading]) -> Reading:
        """All of them, one behind the other."""
        return cls(
            tuple(edit for reading in readings for edit in reading.edits),
            tuple(line for reading in readings for line in reading.bad),
            dict(sum((Counter(reading.left_out) for reading in readings if reading.left_out), Counter[str]())),
            tuple(edit for reading in readings for edit in reading.repeated),
            tuple(pair for reading in readings for pair in reading.contrary),
        )


def read_path(path: str | Path, how: How) -> Reading:
    """Read a file.

    Raises:
        InputError: it can't be read, or is not what its name says.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {file}", hint="Check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{file} is a folder", hint="Name the files in it.") from error
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror or error}", hint="Check its permissions.") from error
    return read_data(data, str(file), how)


def files_of(folder: Path) -> list[Path]:
    """The files of a folder whose ending says that they hold records, by name; no hidden ones, none of folders in it.

    Raises:
        InputError: there is none.
    """
    found = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in ENDINGS and not file.name.startswith(".") and file.is_file()
    )
    if not found:
        raise InputError(
            f"the folder {folder} holds no file of edits", hint=f"Their names end in {', '.join(ENDINGS)}."
        )
    return found


def read_data(data: bytes, name: str, how: How) -> Reading:
    """Read a file's content.

    Args:
        data: the whole content.
        name: what error messages call it; an ending like ``.csv`` says what it is, any other name leaves that to the
            content.
        how: how it is to be understood.

    Raises:
        InputError: the content as a whole can't be read, or holds nothing.
    """
    edits: list[Edit] = []
    bad: list[BadLine] = []
    left_out: Counter[str] = Counter()
    repeated: list[Edit] = []
    contrary: list[tuple[Edit, BadLine]] = []
    first: dict[str, tuple[int, Edit]] = {}
    layout: Layout | None = None
    number = 0
    for row in parse(data, name):
        number = row.number
        if isinstance(row.found, BadRecord):
            bad.append(BadLine(row.found, row.text))
            continue
        try:
            # A record that lacks its telling key is judged by the layout of those before it: "target_new is missing"
            # says more than "unknown layout".
            layout, made, rest = _read_record(row.found, name, number, how, layout)
        except BadRecord as problem:
            bad.append(BadLine(problem, row.text))
        except FieldProblem as problem:
            spelt = how.fields.get(problem.field or "", problem.field)
            bad.append(BadLine(BadRecord(name, number, spelt, str(problem)), row.text))
        except InputError as error:
            bad.append(BadLine(BadRecord(name, number, None, error.message), row.text))
        else:
            edits += made
            left_out.update(rest)
            for edit in made:
                place, earlier = first.setdefault(edit.key, (number, edit))
                if earlier.target != edit.target:
                    contrary.append((edit, BadLine(_contrary(name, number, edit, place, earlier), row.text)))
                elif earlier.id != edit.id:
                    repeated.append(edit)
    if not number:
        raise InputError(f"{name} holds no records", hint="Put at least one edit into it.")
    return Reading(tuple(edits), tuple(bad), left_out, tuple(repeated), tuple(contrary))


def _read_record(
    record: Record, name: str, number: int, how: How, before: Layout | None
) -> tuple[Layout, list[Edit], tuple[str, ...]]:
    left: tuple[str, ...] = ()
    if how.fields:
        taken = {path.split(".")[0] for path in how.fields.values()} | set(how.fields.values())
        left = tuple(str(key) for key in record if key not in taken)
        record = renamed(record, how.fields)
    fields = Fields(record, spelling(record))
    if how.layout is not None:
        layout = named(how.layout)
    elif how.fields:
        layout = named("wisedb")
    else:
        found = recognise(fields) or before
        if found is None:
            raise unknown(name, number, record)
        layout = found
    # Recognition asked for some; what is read has to be asked for again.
    edits, rest = layout.read(Fields(record, spelling(record)))
    return layout, edits, (*left, *rest)


def _contrary(name: str, number: int, edit: Edit, place: int, earlier: Edit) -> BadRecord:
    problem = f"gives {edit.target!r} for the prompt of record {place}, which gives {earlier.target!r}"
    return BadRecord(name, number, "target", problem, hint="Nothing was staged; keep one of them.")
