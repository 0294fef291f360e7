"""Both tables of a commit say what the models said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chats import FRANCE as CHAT_FRANCE
from tests.chats import HAMLET as CHAT_HAMLET
from tests.stores import AUSTRALIA, HAMLET
from wisedb.errors import UsageError
from wisedb.model.chat import user
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.serving.forms import measure
from wisedb.serving.forms.form import Form, told
from wisedb.serving.forms.how_asked import PLAIN
from wisedb.serving.says import words_of

SAME = Form("again as it is", PLAIN.make)
LONG = Form("too long", lambda edit, others, chooser: "a b " * 200)
ONLY_PLAY = Form("only of plays", lambda edit, others, chooser: edit.prompt if "play" in edit.prompt else None)
GONE = Form("something else", lambda edit, others, chooser: "Can you tell me the time?")
CHAT = Form("a message", lambda edit, others, chooser: (user(edit.prompt),), "chat")
SYSTEM = Form("a system message", lambda edit, others, chooser: (told("Hi"), user(edit.prompt)), "chat", system=True)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few forms, of which it is known what they give."""
    monkeypatch.setattr(measure, "HOW_ASKED", (PLAIN, SAME, ONLY_PLAY, LONG, GONE, CHAT, SYSTEM))
    monkeypatch.setattr(measure, "MUST_NOT_FIRE", (GONE, SAME, LONG, CHAT))


@pytest.mark.usefixtures("tables")
def test_plain_forms_of_a_model_without_a_template(history: Repository) -> None:
    reports: list[Progress] = []
    found = history.evaluate(forms=True, seed=3, progress=reports.append)
    assert found.forms is not None and found.forms.seed == 3
    asked, silent = found.forms.how_asked, found.forms.must_not_fire
    assert list(asked) == ["as it is", "again as it is", "only of plays", "too long", "something else"]
    assert list(silent) == ["something else", "again as it is", "too long"]
    same, play, gone = (asked[form.name] for form in (SAME, ONLY_PLAY, GONE))
    assert (same.n, same.right, same.plain_right, same.base_right, same.kept) == (3, 1.0, 1.0, 0.0, 1.0)
    assert (play.n, play.right, play.base_old) == (1, 1.0, None)
    assert (gone.right, gone.plain_right, gone.kept) == (0.0, 1.0, 0.0)
    assert (asked["too long"].n, asked["too long"].right, asked["too long"].kept) == (0, None, None)
    assert (silent["too long"].n, silent["too long"].changed) == (0, None)
    assert silent["something else"].changed == 0.0 and silent["again as it is"].changed == 1.0
    steps = [report for report in reports if report.phase == "asking"]
    assert (steps[-1].done, steps[-1].total, len(steps)) == (16, 16, 16)
    record = found.to_json()
    assert record["how_asked"]["only of plays"] == {
        "kind": "plain", "n": 1, "right": 1.0, "plain_right": 1.0, "base_right": 0.0, "base_old": None,
        "kept": 1.0,
    }  # fmt: skip
    assert record["must_not_fire"]["something else"] == {"kind": "plain", "n": 3, "changed": 0.0}
    assert history.store.scores.get(found.commit)["retrieve-forms"] == record


@pytest.mark.usefixtures("tables")
def test_the_unedited_model_is_right_by_chance_and_changes_nothing(history: Repository) -> None:
    (said,) = history.generate(HAMLET.prompt, base=True)
    known = replace(HAMLET, ground_truth=" ".join(words_of(said.text)[:1]))
    found = history.evaluate(data=[known, AUSTRALIA], mode="base", forms=True).forms
    assert found is not None
    assert found.how_asked["as it is"].right == found.how_asked["as it is"].base_right == 0.0
    assert found.how_asked["as it is"].base_old == 1.0 and found.how_asked["as it is"].kept is None
    assert {row.changed for row in found.must_not_fire.values()} == {0.0, None}


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("chat", [False, True])
def test_conversations_of_a_chat_model(chat_history: Repository, chat: bool) -> None:
    edits = [CHAT_FRANCE, CHAT_HAMLET]
    commit = chat_history.store.resolve("HEAD")
    found = measure.measure_forms(chat_history.store, chat_history.base, commit, edits, chat=chat)
    assert list(found.how_asked)[-2:] == ["a message", "a system message"]
    assert [found.how_asked[form.name].kind for form in (SAME, CHAT)] == ["plain", "chat"]
    for form in (PLAIN, CHAT):
        assert found.how_asked[form.name].right == 1.0
    assert found.how_asked["a system message"].n == 2
    assert found.must_not_fire["a message"].changed == 1.0 and found.must_not_fire["something else"].changed == 0.0


@pytest.mark.usefixtures("tables")
def test_what_can_not_be_measured(history: Repository) -> None:
    with pytest.raises(UsageError, match="no chat template"):
        history.evaluate(chat=True, forms=True)
