"""The formats the Hub reads: LZ4 frames, xorbs, ``.gitattributes``; and the ids git gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.hub.gitattributes import DEFAULT_ATTRIBUTES, LARGE, goes_to_lfs
from tests.hub.repositories import regular, tree_id
from tests.hub.xet_formats import unpack, unpack_lz4, xorb_chunks

_FRAME = bytes.fromhex("04224d18604082")  # independent blocks, no checksums


def frame(block: bytes) -> bytes:
    return _FRAME + len(block).to_bytes(4, "little") + block + bytes(4)


def test_lz4_copies_that_run_into_themselves() -> None:
    """Literals "ab", then 9 bytes from 2 back; literal "c" to end with."""
    block = bytes([0x25]) + b"ab" + bytes([2, 0]) + bytes([0x10]) + b"c"
    assert unpack_lz4(frame(block)) == b"ab" + b"ababababa" + b"c"


def test_lz4_lengths_beyond_four_bits() -> None:
    literals = bytes(range(256)) * 2
    block = bytes([0xFF, 255, 512 - 15 - 255]) + literals + bytes([0, 1]) + bytes([255, 100]) + bytes([0x00])
    assert unpack_lz4(frame(block)) == literals + (bytes(range(256)) * 3)[: 15 + 255 + 100 + 4]


def test_lz4_blocks_that_are_stored() -> None:
    stored = (3 | 1 << 31).to_bytes(4, "little") + b"xyz"
    assert unpack_lz4(_FRAME + stored + bytes(4)) == b"xyz"
    with pytest.raises(ValueError, match="not an LZ4 frame"):
        unpack_lz4(b"xyz")


def test_a_xorb_of_three_schemes() -> None:
    def chunk(scheme: int, packed: bytes, size: int) -> bytes:
        return bytes([0]) + len(packed).to_bytes(3, "little") + bytes([scheme]) + size.to_bytes(3, "little") + packed

    grouped = b"ae" + b"bf" + b"cg" + b"d"  # "abcdefg" by place modulo 4
    xorb = chunk(0, b"plain", 5) + chunk(1, frame(b"\x30xyz"), 3) + chunk(2, frame(b"\x70" + grouped), 7)
    assert [unpack(xorb, found) for found in xorb_chunks(xorb)] == [b"plain", b"xyz", b"abcdefg"]
    with pytest.raises(ValueError, match="ends inside a chunk"):
        xorb_chunks(xorb[:-1])


@pytest.mark.parametrize(
    ("path", "size", "sample", "expected"),
    [
        ("README.md", 100, b"text", False),
        ("objects/ab/cd.safetensors", 100, b"text", True),
        ("saved_model/1/variables", 100, b"text", True),
        ("notes.tfevents.1", 100, b"text", True),
        ("big.json", LARGE, b"{", True),
        ("some.header", 100, b"\x10\0\0\0\0\0\0\0{", True),
    ],
)
def test_what_goes_to_lfs(path: str, size: int, sample: bytes, expected: bool) -> None:
    assert goes_to_lfs(path, size, sample, DEFAULT_ATTRIBUTES) is expected


def test_the_last_line_of_gitattributes_decides() -> None:
    attributes = "*.json filter=lfs\n# *.txt filter=lfs\nsmall.json -filter\n"
    assert goes_to_lfs("a/big.json", 1, b"", attributes)
    assert not goes_to_lfs("a/small.json", 1, b"", attributes)
    assert not goes_to_lfs("a.txt", 1, b"", attributes)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to compare with")
def test_trees_have_the_ids_git_gives(tmp_path: Path) -> None:
    files = {"b.txt": b"b", "a/x.txt": b"x", "a/y/z.txt": b"z", "a.txt": b"sorted before the folder"}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    git("-c", "core.autocrlf=false", "add", "-A")
    assert tree_id({path: regular(content) for path, content in files.items()}) == git("write-tree")
