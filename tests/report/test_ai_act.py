"""What the Act asks, what is there, and what is missing."""

from __future__ import annotations

from dataclasses import replace

from tests.report.hostile import hostile_report
from wisedb.report.ai_act import articles


def test_the_four_articles_name_what_is_here_and_what_is_missing() -> None:
    found = articles(hostile_report(ok=True))
    assert [each.title.split(":")[0] for each in found] == ["Article 12", "Article 19", "Article 26(6)", "Article 72"]
    assert all(each.here and each.missing and each.asks for each in found)
    assert set(found[0].to_json()) == {"title", "asks", "here", "missing"}


def test_what_is_missing_follows_from_the_report() -> None:
    whole = hostile_report(("a", "b"), ok=True)
    first = " ".join(articles(whole)[0].missing)
    assert "Measurements" not in first and "reason" not in first and "author" not in first
    assert "signature that counts on 2 of 2" in first
    bare = replace(
        whole,
        facts=[{**fact, "reason": None, "source": ""} for fact in whole.facts],
        commits=tuple(replace(row, scores={"commit": {}}, author="unknown") for row in whole.commits),
    )
    told = " ".join(articles(bare)[0].missing)
    assert "A reason of 2 of 2 facts" in told and "A source of 2 of 2 facts" in told
    assert "An author of 2 of 2 commits" in told and "Measurements of the commit" in told
    assert "intact" in " ".join(articles(hostile_report(ok=False))[0].missing)


def test_the_days_are_counted() -> None:
    report = hostile_report(("a", "b"))
    first, second = report.commits
    later = replace(report, commits=(first, replace(second, date="2026-07-20T00:00:00Z")))
    assert "200 days" in articles(later)[1].here[0].what
