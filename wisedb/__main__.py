"""``python -m wisedb``."""

from __future__ import annotations

from importlib import import_module

if __name__ == "__main__":
    # By name, so that the library itself never imports the command line.
    import_module("wisedb.cli.start").main()
