"""The floors: a query of the history loads no tensors, the package holds every folder, the tests mirror the code."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "statement",
    [
        "import wisedb",
        "import wisedb; wisedb.Edit(prompt='a', target='b')",
        "import wisedb; wisedb.Repository",
        "import wisedb.cli.main",
        "import wisedb.store.store, wisedb.store.history, wisedb.store.fsck, wisedb.store.gc, wisedb.importers",
    ],
)
def test_light_imports_load_no_tensors(statement: str) -> None:
    code = f"import sys; {statement}; print(sorted({{'torch', 'transformers'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_public_names_are_all_there() -> None:
    import wisedb

    for name in wisedb.__all__:
        assert getattr(wisedb, name) is not None
    assert set(wisedb.__all__) <= set(dir(wisedb))
    with pytest.raises(AttributeError):
        _ = wisedb.nothing_of_that_name


def test_packages_list_names_every_folder() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    homes = {"wisedb": ROOT / "wisedb", "wisedb.cli": ROOT / "cli", "wisedb.schema": ROOT / "schema"}
    found = {
        ".".join([package, *init.parent.relative_to(home).parts])
        for package, home in homes.items()
        for init in home.rglob("__init__.py")
    }
    assert found == listed


UNMIRRORED = {
    "a type, a constant or a name, without logic of its own": (
        "cli/commands.py",
        "wisedb/doctor/check.py",
        "wisedb/__main__.py",
        "wisedb/editors/common/seeds.py",
        "wisedb/editors/protocol.py",
        "wisedb/editors/resources.py",
        "wisedb/memory/gates/keys/prompt_features.py",
        "wisedb/memory/kinds/base.py",
        "wisedb/progress.py",
        "wisedb/serving/evaluation.py",
        "wisedb/serving/forms/figures.py",
        "wisedb/sharing/remotes/protocol.py",
        "wisedb/store/index/schema.py",
        "wisedb/store/queries.py",
        "wisedb/versioning/merging/result.py",
    ),
    "it binds an editor's parts: tests/editors/test_contract.py holds for each": (
        "wisedb/editors/alphaedit/editor.py",
        "wisedb/editors/common/layered_editor.py",
        "wisedb/editors/common/one_memory.py",
        "wisedb/editors/context/editor.py",
        "wisedb/editors/context/settings.py",
        "wisedb/editors/grace/editor.py",
        "wisedb/editors/keyed/editor.py",
        "wisedb/editors/memit/editor.py",
        "wisedb/editors/memoir/editor.py",
        "wisedb/editors/rome/editor.py",
        "wisedb/editors/ultraedit/editor.py",
        "wisedb/editors/wise/editor.py",
    ),
    "a step of an editor that shows in what it writes: its test_edit, test_train or test_calibrate": (
        "wisedb/editors/common/cached_forward.py",
        "wisedb/editors/common/frozen.py",
        "wisedb/editors/common/key_statistics.py",
        *(
            f"wisedb/editors/{name}/settings.py"
            for name in ("defer", "ft_ewc", "ft_l", "ft_m", "grace", "locft_bf", "mend")
        ),
        "wisedb/editors/keyed/merge.py",
        "wisedb/editors/memoir/settings.py",
        "wisedb/editors/recall/context.py",
        "wisedb/editors/rome/compute_u.py",
        "wisedb/editors/rome/compute_v.py",
        "wisedb/editors/wise/settings.py",
        "wisedb/editors/wise/threshold.py",
    ),
    "a step of loading and answering: tests/serving, test_load above all": (
        "wisedb/memory/forward_hooks.py",
        "wisedb/memory/generate_methods.py",
        "wisedb/memory/routing_context.py",
        "wisedb/serving/activations.py",
        "wisedb/serving/answer.py",
        "wisedb/serving/generation.py",
        "wisedb/serving/stopping.py",
    ),
    "a step of putting facts in front of a prompt: tests/memory/context, test_front above all": (
        "wisedb/memory/context/build.py",
        "wisedb/memory/context/found.py",
        "wisedb/memory/context/prefixes.py",
    ),
    "which base model it is: tests/model/test_identity.py, and tests/cli/test_base.py": (
        "wisedb/model/recognise.py",
        "wisedb/serving/store_base.py",
        "wisedb/versioning/base.py",
    ),
    "what is lost, told by who mends the rest: tests/store/test_repair.py": ("wisedb/store/dependents.py",),
    "refs and logs are mended as they are checked: tests/store/test_check_refs.py": ("wisedb/store/mend_refs.py",),
    "what a blob and a commit must hold: tests/store/test_fsck.py, and tests/sharing/test_untrusted.py": (
        "wisedb/store/contents.py",
        "wisedb/store/named.py",
    ),
    "what many callers at once go through: tests/memory/test_threads.py": (
        "wisedb/memory/guard.py",
        "wisedb/repository/turns.py",
    ),
    "a verb of the facade: tests/repository/test_repository.py, and the tests of what it calls": (
        "wisedb/repository/asking.py",
        "wisedb/repository/auditing.py",
        "wisedb/repository/changing.py",
        "wisedb/repository/moving.py",
        "wisedb/repository/sharing.py",
        "wisedb/repository/showing.py",
        "wisedb/repository/upkeep.py",
        "wisedb/versioning/index.py",
        "wisedb/versioning/status.py",
    ),
    "what every verb that trains goes through: test_commit, test_revert, merging/test_merge": (
        "wisedb/versioning/proposal.py",
    ),
    "what the index holds is compared with the history itself: tests/store/test_histories.py": (
        "wisedb/store/index/fill.py",
        "wisedb/store/index/gather.py",
        "wisedb/store/index/lacking.py",
    ),
    "a step of push and fetch: tests/sharing, test_push and test_fetch above all": (
        "wisedb/sharing/card_template.py",
        "wisedb/sharing/check_pack.py",
        "wisedb/sharing/jobs.py",
        "wisedb/sharing/lsremote.py",
        "wisedb/sharing/remotes/hub_listing.py",
        "wisedb/sharing/repack.py",
    ),
    "a part of a folder that is exported: tests/export loads it again": (
        "wisedb/export/peft/contents.py",
        "wisedb/export/peft/layer.py",
        "wisedb/export/portable.py",
    ),
    "a part of `wisedb bench` and `wisedb atlas`: tests/cli/test_bench.py, tests/bench/test_worker.py, tests/atlas": (
        "wisedb/atlas/evaluate.py",
        "wisedb/atlas/prose.py",
        "wisedb/bench/environment.py",
        "wisedb/bench/run.py",
        "wisedb/bench/task.py",
    ),
    "a thin command, or what commands share: tests/cli, test_contract above all, runs each of them": (
        *(f"cli/{name}.py" for name in ("blame", "checkout", "clone", "commit", "diff", "edit", "editors")),
        *(f"cli/{name}.py" for name in ("eval", "explain", "export", "fetch", "gc", "generate")),
        *(f"cli/{name}.py" for name in ("import_", "init", "lazy", "ls_remote", "pull", "push", "refs", "reindex")),
        *(f"cli/{name}.py" for name in ("remote", "reset", "revert", "rollback", "search", "session", "sql")),
        *(f"cli/{name}.py" for name in ("status", "switch", "terminal", "transfer", "unstage")),
        *(f"cli/{name}.py" for name in ("bisect", "complete", "completion", "facts", "log", "restore")),
        *(f"cli/{name}.py" for name in ("settings", "show", "signatures", "stash", "version")),
    ),
    "what a store is configured with: tests/test_config.py": (
        "wisedb/config/base_model.py",
        "wisedb/config/editor_choice.py",
        "wisedb/config/records.py",
        "wisedb/config/store_config.py",
    ),
    "who commits, and with which words: tests/cli, test_identity and test_git_habits": (
        "cli/config.py",
        "cli/message.py",
        "wisedb/store/lines.py",
        "wisedb/store/tag_notes.py",
    ),
    "a part of the store as a whole: tests/store/test_store.py": ("wisedb/store/places.py",),
    "what git's users expect of branches, ranges and commits: tests/cli/test_git_habits.py": (
        "wisedb/versioning/amend.py",
        "wisedb/versioning/log.py",
    ),
    "what becomes of a fact: tests/cli/test_fact_life.py": (
        "wisedb/store/stash.py",
        "wisedb/versioning/aside.py",
        "wisedb/versioning/bisect.py",
        "wisedb/versioning/life.py",
    ),
    "a place to clone and fetch from, and upstreams: tests/sharing/test_like_git.py": (
        "wisedb/sharing/remotes/store.py",
        "wisedb/store/upstream.py",
    ),
    "a step of reading files: tests/importers, test_layouts and test_alike above all": (
        "wisedb/importers/cells.py",
        "wisedb/importers/flat.py",
        "wisedb/importers/names.py",
        "wisedb/importers/nested.py",
        "wisedb/importers/reading.py",
    ),
}
"""Modules that have no test file of their name, by the reason."""


def test_every_module_has_a_test_file_of_its_name_or_a_reason_why_not() -> None:
    excused = [name for names in UNMIRRORED.values() for name in names]
    assert len(set(excused)) == len(excused)
    tests = ROOT / "tests"
    found: dict[str, Path] = {}
    for home, mirror in ((ROOT / "wisedb", tests), (ROOT / "cli", tests / "cli")):
        for module in home.rglob("*.py"):
            folder = mirror / module.parent.relative_to(home)
            found[module.relative_to(ROOT).as_posix()] = folder / f"test_{module.stem}.py"
    missing = {name for name, file in found.items() if not name.endswith("__init__.py") and not file.is_file()}
    assert missing == set(excused)
