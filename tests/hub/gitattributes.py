"""Which files go to LFS: the patterns of ``.gitattributes``, and everything that is large or binary."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_PATTERNS = """\
*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz *.onnx *.ot
*.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite *.tgz *.wasm *.xz
*.zip *.zst *tfevents*
"""

DEFAULT_ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in _PATTERNS.split())
"""What the Hub puts into every new repository."""

LARGE = 10 * 1024 * 1024
"""Bytes from which on a file can't be a regular one."""


def goes_to_lfs(path: str, size: int, sample: bytes, attributes: str) -> bool:
    """Whether the Hub wants a file as an LFS object.

    ``sample`` is the beginning of the file; a zero byte in it makes a file binary, as it does for git.
    """
    return _filtered(path, attributes) or size >= LARGE or b"\0" in sample


def _filtered(path: str, attributes: str) -> bool:
    """Whether ``filter=lfs`` holds for a path: the last line that matches decides."""
    verdict = False
    for line in attributes.splitlines():
        pattern, *names = line.split() or [""]
        if pattern and not pattern.startswith("#") and _matches(path, pattern):
            for name in names:
                if re.fullmatch(r"[-!]filter|filter=.*", name):
                    verdict = name == "filter=lfs"
    return verdict


def _matches(path: str, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return fnmatchcase(path, pattern.lstrip("/").replace("**/", "*"))
