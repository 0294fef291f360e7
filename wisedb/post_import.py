"""Post-import hooks: what is to be done once another package has been imported, without importing it (PEP 369).

Neither peft nor transformers look for plugins, and ``import wisedb`` must not load them. So the hook waits in
``sys.meta_path``: the import itself is left to Python's own finders, and the package's module gets its own loader back.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    # That module brings importlib.resources, tempfile and shutil: a twentieth of what `wisedb --help` takes.
    Loader = object


def after_import(package: str, module: str, function: str) -> None:
    """Call ``module.function()`` as soon as ``package`` has been imported, at once if it has been.

    If that fails, the package stays imported and a warning says why.

    Args:
        package: a top-level package.
        module: imported only then.
        function: its name in the module; called without arguments. It may be called more than once.
    """
    imported = sys.modules.get(package)
    if imported is None:
        hook = PostImportHook(package, module, function)
        if hook not in sys.meta_path:
            sys.meta_path.insert(0, hook)
    elif not getattr(imported.__spec__, "_initializing", False):
        PostImportHook(package, module, function).run()


class PostImportHook:
    """Calls a function after an import; see :func:`after_import`."""

    def __init__(self, package: str, module: str, function: str) -> None:
        self.package = package
        self.module = module
        self.function = function

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PostImportHook) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.package, self.module, self.function))

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """What the other finders say of the package, with a loader that runs the hook after its own work."""
        if fullname != self.package:
            return None
        for finder in list(sys.meta_path):
            find = None if isinstance(finder, PostImportHook) else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(fullname, path, target) if find else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _HookedLoader(spec.loader, self)
                return spec
        return None

    def run(self) -> None:
        """Call the function."""
        try:
            getattr(import_module(self.module), self.function)()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with our part, the other package must work
            problem = " ".join(str(error).split()) or type(error).__name__
            warnings.warn(f"wisedb could not tell {self.package} of its adapters: {problem}", stacklevel=2)


class _HookedLoader(Loader):
    """The package's own loader, and the hook after it."""

    def __init__(self, loader: Loader, hook: PostImportHook) -> None:
        self._loader = loader
        self._hook = hook

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._hook.run()

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)
