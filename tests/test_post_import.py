"""A hook runs after the import, and whatever becomes of it, the import itself is as Python makes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def _python(folder: Path, code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a package ``late``, and a module ``wanted`` whose function appends to ``late.done``."""
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "__init__.py").write_text("done = []\n")
    (tmp_path / "late" / "part.py").write_text("")
    (tmp_path / "wanted.py").write_text(
        "import late\ndef do(): late.done.append(1)\ndef fail(): raise ValueError('no')\n"
    )
    return tmp_path


WISH = "from wisedb.post_import import after_import; after_import('late', 'wanted', 'do')"


@pytest.mark.parametrize(
    "code",
    [
        f"{WISH}; import sys; assert 'late' not in sys.modules and 'wanted' not in sys.modules; import late",
        f"import late; {WISH}",
        f"{WISH}; {WISH}; import late",
        f"{WISH}; import late.part; import late",
        f"{WISH}; import importlib.util as u; assert u.find_spec('late').origin.endswith('__init__.py'); import late",
    ],
)
def test_once_after_the_import_in_whatever_order(folder: Path, code: str) -> None:
    assert _python(folder, f"{code}; print(late.done)") == "[1]"


def test_the_module_is_as_without_the_hook(folder: Path) -> None:
    look = "import late, inspect; print(type(late.__loader__).__name__, late.__spec__.loader is late.__loader__,"
    look += " inspect.getsource(late), late.__path__)"
    assert _python(folder, f"{WISH}; {look}") == _python(folder, look)


def test_a_hook_that_fails_warns_and_spoils_nothing(folder: Path) -> None:
    hook = "from wisedb.post_import import after_import; after_import('late', 'wanted', 'fail')"
    catch = "import warnings; warnings.simplefilter('error')"
    assert _python(folder, f"{hook}; import late; print(late.done)") == "[]"
    code = f"{hook}\n{catch}\ntry:\n    import late\nexcept UserWarning as warning:\n    print(warning)"
    assert "late" in _python(folder, code) and "no" in _python(folder, code)


def test_a_package_that_is_not_there_is_not_found(folder: Path) -> None:
    code = "from wisedb.post_import import after_import; after_import('nowhere', 'wanted', 'do')\n"
    code += "try:\n    import nowhere\nexcept ModuleNotFoundError as error:\n    print(error)"
    assert _python(folder, code) == "No module named 'nowhere'"


def test_a_package_that_imports_wisedb_itself_is_not_asked_too_early(folder: Path) -> None:
    (folder / "late" / "__init__.py").write_text(f"{WISH}\ndone = []\n")
    assert _python(folder, "import late; print(late.done)") == "[]"
