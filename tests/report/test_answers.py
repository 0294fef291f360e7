"""What the model says, before and after."""

from __future__ import annotations

from wisedb.report.answers import with_answers
from wisedb.report.contents import gather
from wisedb.repository import Repository
from wisedb.signing.verdict import Trust
from wisedb.store.fsck import FsckReport


def test_the_answers_are_those_that_generate_gives(history: Repository) -> None:
    report = gather(history.store, "HEAD", FsckReport((), 0), Trust())
    found = with_answers(report, history.store, history.base)
    prompts = [fact["prompt"] for fact in report.facts]
    before = [each.text for each in history.generate(prompts, base=True, greedy=True)]
    after = [each.text for each in history.generate(prompts, greedy=True)]
    assert found.asked == 3 and before != after
    answers = [found.answers[fact["id"]] for fact in found.facts]
    assert [each.before for each in answers] == before and [each.after for each in answers] == after
    assert {each.chat_after for each in answers} == {None}  # this tokenizer has no template
    assert found.to_json()["facts"][0]["answers"]["after"] == after[0]


def test_a_limit_takes_the_newest_and_says_so(history: Repository) -> None:
    report = gather(history.store, "HEAD", FsckReport((), 0), Trust())
    found = with_answers(report, history.store, history.base, limit=1)
    assert found.asked == 1 and list(found.answers) == [report.facts[-1]["id"]]
    assert with_answers(report, history.store, history.base, limit=9).asked == 3


def test_a_model_with_a_template_is_asked_in_a_chat_too(chat_history: Repository) -> None:
    report = gather(chat_history.store, "HEAD", FsckReport((), 0), Trust())
    found = with_answers(report, chat_history.store, chat_history.base, limit=1)
    (answers,) = found.answers.values()
    (fact,) = report.facts[-1:]
    (told,) = chat_history.generate(fact["prompt"], chat=True, greedy=True)
    assert answers.chat_after == told.text and answers.chat_before is not None


def test_a_store_without_facts_is_asked_nothing(empty: Repository) -> None:
    report = gather(empty.store, "HEAD", FsckReport((), 0), Trust())
    assert with_answers(report, empty.store, empty.base).asked == 0
