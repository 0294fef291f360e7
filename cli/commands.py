"""The commands of ``wisedb`` by their sections: where each is defined, and what it says of itself in a list of all."""

from __future__ import annotations

from typing import Final, NamedTuple


class Home(NamedTuple):
    """Where a command is, and what is known of it before it is imported.

    Attributes:
        place: ``module:attribute``, the module relative to this package.
        summary: the first sentence of its help, which a test holds it to.
    """

    place: str
    summary: str


SECTIONS: Final[dict[str, dict[str, Home]]] = {
    "Start": {
        "init": Home("init:init", "Make a new store, in DIR or here, for a base model."),
        "base": Home("base:base", "Say where the base model is, or put another one in its place."),
        "clone": Home("clone:clone", "Make a store from what somebody published."),
        "config": Home("config:config", "Read and set preferences."),
        "demo": Home("demo:demo", "Take the whole tour in under two minutes."),
        "help": Home("help:help_", "Show what a command does and takes; without one, list all."),
        "version": Home("version:version", "Print the versions of wisedb and of what it computes with."),
        "completion": Home("completion:completion", "Print a script that completes commands in a shell."),
    },
    "Edit": {
        "add": Home("add:add", "Stage every edit of the files."),
        "edit": Home("edit:edit", "Stage one edit by hand."),
        "status": Home("status:status", "Show the branch, what is staged, and the health of the index."),
        "unstage": Home("unstage:unstage", "Take edits out of the next commit."),
        "stash": Home("stash:stash", "Put what is staged aside, and take it up again."),
        "restore": Home(
            "restore:restore", "Stage facts as they were in force at REV: the next commit brings them back."
        ),
        "commit": Home("commit:commit", "Train what is staged and record it."),
        "import": Home("import_:import_", "Take over the side memories of an EasyEdit WISE checkpoint."),
        "editors": Home("editors:editors", "List the editors: what each is good and bad at."),
        "settings": Home(
            "settings:settings", "List the settings of an editor: of the store's own where none is named."
        ),
    },
    "Look": {
        "log": Home("log:log", "Show the history of REV (HEAD by default), newest first."),
        "show": Home("show:show", "Show one commit in full, or one edit."),
        "diff": Home("diff:diff", "Show which facts differ."),
        "facts": Home("facts:facts", "List the edits in force at REV, in the order in which they came into force."),
        "blame": Home("blame:blame", "Name the edit and the commit behind an answer."),
        "search": Home("search:search", "List the edits that hold TEXT, of all commits."),
        "bisect": Home("bisect:bisect", "Find the commit with which something began to be wrong."),
        "rev-parse": Home("rev_parse:rev_parse", "Print the id of the commit that each REV means."),
        "verify-commit": Home("verify:verify_commit", "Check the signature of each commit."),
        "verify-tag": Home("verify:verify_tag", "Check the signature of each tag."),
        "report": Home("report:report", "Write a report of REV for somebody who checks it."),
        "sql": Home("sql:sql", "Run a read-only SQL query over the index (DuckDB)."),
    },
    "Move": {
        "checkout": Home("checkout:checkout", "Move HEAD to REV, to look around."),
        "switch": Home("switch:switch", "Move HEAD to a branch; the next commit goes there."),
        "reset": Home("reset:reset", "Move the branch itself to REV, HEAD by default."),
        "rollback": Home("rollback:rollback", "Go back to the state of REV in a new commit."),
        "revert": Home("revert:revert", "Take single facts out, in a new commit."),
        "branch": Home("refs:branch", "List the branches, or make, rename or delete one."),
        "tag": Home("refs:tag", "List the tags, or make one."),
        "reflog": Home("refs:reflog", "Show where HEAD or a branch was, and who moved it."),
    },
    "Bring together": {
        "merge": Home("merge:merge", "Merge another branch into this one."),
        "cherry-pick": Home("merge:cherry_pick", "Bring what single commits changed here."),
    },
    "Share": {
        "remote": Home("remote:remote", "Name the places to push to and pull from."),
        "push": Home("push:push", "Publish the current branch, or others."),
        "pull": Home("pull:pull", "Bring what others published into the current branch."),
        "fetch": Home("fetch:fetch", "Bring what others published, and change nothing of your own."),
        "ls-remote": Home("ls_remote:ls_remote", "List the branches and tags of a remote."),
    },
    "Ask and measure": {
        "generate": Home("generate:generate", "Let the model answer at a commit."),
        "chat": Home("chat:chat", "Talk with the model at a commit."),
        "explain": Home("explain:explain", "Say why the model answers as it does."),
        "context": Home("context:context", "Print the facts that PROMPT asks for, to put into its context."),
        "eval": Home("eval:evaluate", "Measure how well a commit answers."),
        "bench": Home("bench:bench", "Compare editors on one stream of edits."),
        "export": Home("export:export", "Write the model at REV to a folder."),
    },
    "Maintain": {
        "doctor": Home("doctor:doctor", "Look whether everything is here that wisedb needs."),
        "fsck": Home("fsck:fsck", "Check every object, every ref and the index; or a pack, where a REMOTE is named."),
        "gc": Home("gc:gc", "Collect what nothing needs any more."),
        "reindex": Home("reindex:reindex", "Build the index anew from the objects."),
    },
    "The model that ships inside": {
        "atlas": Home("atlas:atlas", "Train, measure and use the small model that ships inside."),
    },
}
"""Title → command name → home, in the order of ``--help``: a list of all commands imports none of them."""
