"""What a checkpoint is, in two hashes: its weights and its tokenizer. Reads files only, loads no model."""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wisedb.canonical import canonical_json
from wisedb.errors import ModelNotFound, UnsupportedModel
from wisedb.model.gguf import gguf_files

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "source.spm",
    "target.spm",
)
"""Files by exact name; ``*.tiktoken`` comes on top."""

_WIDTHS = {
    **{"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8},
    **{"U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32},
    **{"U64": 64, "I64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6},
}
_ADAPTER = "adapter_config.json"
_HEADER_LIMIT = 100_000_000
_CHUNK = 1 << 24


@dataclass(frozen=True, slots=True)
class TensorSpan:
    """One tensor's place in a file.

    Attributes:
        name: the tensor's name.
        dtype: safetensors' name of the dtype.
        shape: the shape.
        file: the file that holds it.
        start: its first byte in the file.
        stop: the byte behind its last.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int
    stop: int


def weights_digest(folder: Path) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of all tensors of a checkpoint, in the order of their names.

    However the checkpoint is split into files, equal tensors give an equal digest.

    Args:
        folder: holds ``model.safetensors``, or ``model.safetensors.index.json`` and the files that it names.

    Raises:
        ModelNotFound: no checkpoint is there, or a file of it is missing.
        UnsupportedModel: it has pickled weights only, or a file is not valid safetensors.
    """
    spans: dict[str, TensorSpan] = {}
    for file in weight_files(folder):
        for span in tensor_spans(file):
            if span.name in spans:
                raise UnsupportedModel(
                    f"{folder}: the tensor '{span.name}' is in two files", hint="Save the checkpoint again."
                )
            spans[span.name] = span
    total = hashlib.sha256()
    for name in sorted(spans):
        span = spans[name]
        header = canonical_json([name, span.dtype, list(span.shape), span.stop - span.start])
        total.update(struct.pack("<Q", len(header)) + header)
        for chunk in _bytes_of(span):
            total.update(chunk)
    return total.hexdigest()


def tokenizer_files(folder: Path) -> list[Path]:
    """The files of a folder's tokenizer, sorted."""
    named = {path for name in TOKENIZER_FILES if (path := folder / name).is_file()}
    return sorted(named | set(folder.glob("*.tiktoken")))


def tokenizer_digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of a tokenizer's files, which stores of earlier versions keep.

    Raises:
        ModelNotFound: the folder holds no tokenizer.
    """
    files = tokenizer_files(folder)
    if not files:
        raise ModelNotFound(f"{folder} holds no tokenizer", hint="Save the tokenizer beside the model.")
    return hashlib.sha256(
        canonical_json([[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in files])
    ).hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that ``from_pretrained`` would read, in the order of their names.

    Raises:
        ModelNotFound: there are none, or one that the index names is missing.
        UnsupportedModel: only pickled weights or an adapter are there, or the index is no index.
    """
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    index = folder / INDEX
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise UnsupportedModel(f"{index} can't be read: {error}", hint="Download the model again.") from error
        for name in names:
            if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
                raise UnsupportedModel(f"{index} names the file {name!r}", hint="Use a checkpoint that you trust.")
            if not (folder / name).is_file():
                raise ModelNotFound(f"{folder / name} is missing", hint="Download the model again.")
        return [folder / name for name in names]
    if (folder / _ADAPTER).is_file():
        raise UnsupportedModel(
            f"{folder} holds an adapter{_adapts(folder)}, and no model",
            hint="Merge it into its model: PeftModel.from_pretrained(…).merge_and_unload().save_pretrained(folder).",
        )
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        raise UnsupportedModel(
            f"{folder} holds pickled weights only, which wisedb never opens",
            hint="Convert it: model.save_pretrained(folder, safe_serialization=True).",
        )
    if packed := gguf_files(folder):
        raise ModelNotFound(
            f"{folder} holds no {SINGLE}, but GGUF files", hint=f"Name one of them: --gguf-file {packed[0]}"
        )
    raise ModelNotFound(
        f"{folder} holds no {SINGLE}", hint="Give a folder that save_pretrained wrote, or a model id of the Hub."
    )


def _adapts(folder: Path) -> str:
    try:
        name = json.loads((folder / _ADAPTER).read_bytes())["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" for {name}" if isinstance(name, str) and name else ""


def tensor_spans(file: Path) -> Iterator[TensorSpan]:
    """The tensors of a safetensors file, from its header alone.

    Raises:
        UnsupportedModel: the header is not one: too large, not JSON, a name twice, an unknown dtype, or offsets that
            leave gaps, overlap or pass the end of the file.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        prefix = stream.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _HEADER_LIMIT + 1
        if length > min(_HEADER_LIMIT, size - 8):
            raise _invalid(file, "its header's length is wrong")
        raw = stream.read(length)
    try:
        header = json.loads(raw, object_pairs_hook=_once)
    except ValueError as error:
        raise _invalid(file, str(error)) from error
    if not isinstance(header, dict):
        raise _invalid(file, "its header is no object")
    header.pop("__metadata__", None)
    body, reached = 8 + length, 0
    spans = sorted((_span(file, name, entry, body) for name, entry in header.items()), key=lambda span: span.start)
    for span in spans:
        if span.start != body + reached:
            raise _invalid(file, f"the bytes of '{span.name}' leave a gap or overlap")
        reached = span.stop - body
    if body + reached != size:
        raise _invalid(file, "it is longer or shorter than its header says")
    yield from spans


def _span(file: Path, name: str, entry: Any, body: int) -> TensorSpan:
    try:
        dtype, shape, (start, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        bits = _WIDTHS[dtype]
        if not all(type(number) is int and number >= 0 for number in (*shape, start, stop)):
            raise ValueError("a number that is no size")
    except (KeyError, TypeError, ValueError) as error:
        raise _invalid(file, f"the entry of '{name}' is wrong ({error})") from error
    for number in shape:
        bits *= number
    if bits != 8 * (stop - start):
        raise _invalid(file, f"'{name}' has another size than its shape says")
    return TensorSpan(name, dtype, shape, file, body + start, body + stop)


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a name is there twice")
    return record


def _bytes_of(span: TensorSpan) -> Iterator[bytes]:
    if span.start == span.stop:
        return
    with span.file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        for start in range(span.start, span.stop, _CHUNK):
            yield view[start : min(start + _CHUNK, span.stop)]


def _invalid(file: Path, problem: str) -> UnsupportedModel:
    return UnsupportedModel(f"{file} is no valid safetensors file: {problem}", hint="Download the model again.")
