"""Rows of two editors at two lengths."""

from __future__ import annotations

from dataclasses import replace

from wisedb.bench.results import Row

BASE = Row(
    "unedited", "base", "atlas", "numbers", 10, "one-by-one", 3, 0.25, 0.2, 1.0, 0.0, 0.0, None, 1.0, 1.0, None, 7
)


KEYED = replace(
    Row(
        "keyed", "retrieve", "atlas", "numbers", 10, "one-by-one", 3, 1.0, 0.9, 0.95, 1.0, 0.8, 2.5, 1.2, 1.1, 2000.0, 9
    ),
    text_agreement=0.99,
    forced_agreement=0.6,
    right_by_text=0.97,
    right_by_text_rephrase=0.75,
)


ROWS = [BASE, KEYED, replace(KEYED, mode="merge", reliability=0.3), replace(BASE, T=100), replace(KEYED, T=100)]


CONDITIONS = {"machine": "a machine", "versions": {"wisedb": "1", "torch": "2"}, "settings": {"steps": 3}}
