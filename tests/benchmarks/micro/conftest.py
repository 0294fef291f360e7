"""A store of atlas with a few edits in two shards, and results that name no machine's owner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wisedb.atlas import edits_path
from wisedb.importers import read_edits
from wisedb.repository import Repository

EDITS = 12


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """What is timed doesn't hang on how well these edits were learned, so that few steps do."""
    made = Repository.init(tmp_path_factory.mktemp("store"), settings={"steps": 5})
    made.commit(read_edits(edits_path())[:EDITS], "Some edits")
    return made


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Keep what says how quick the machine is, and not whose it is."""
    for name in set(machine_info) - {"machine", "system", "python_version", "python_implementation", "cpu"}:
        del machine_info[name]
    cpu = machine_info.get("cpu", {})
    machine_info["cpu"] = {name: cpu[name] for name in ("brand_raw", "arch", "count") if name in cpu}


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_commit_info(config: pytest.Config, commit_info: dict[str, Any]) -> None:
    """The state of a working tree says nothing to a reader."""
    commit_info.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """The statistics are enough: no list of every single time."""
    for benchmark in output_json["benchmarks"]:
        benchmark["stats"].pop("data", None)
        benchmark["fullname"] = Path(benchmark["fullname"]).name
