"""The figures of one commit, as they are shown and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wisedb.serving.forced import KeptText
from wisedb.serving.forms.figures import FormFigures


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one commit; shares are 0 to 1, and ``None`` where there was nothing to measure.

    Attributes:
        commit: which commit.
        mode: ``retrieve``, ``merge``, ``context``, ``hybrid`` or ``base``.
        n: how many edits were measured.
        reliability: mean over the edits of the share of target tokens that are the argmax, teacher-forced, on the
            edit prompt.
        generalization: the same on the rephrased prompts (mean over each edit's, then over the edits).
        locality: mean over unrelated prompts of the share of answer tokens whose argmax equals the unedited model's
            (agreement, not accuracy); in a chat the share of the replies that are the unedited model's, word for word.
        exact_match: share of the edits whose greedy answer to the prompt alone, at its natural stop, is the target.
        exact_match_rephrase: the same over the rephrased prompts.
        recall_at_1: share of the measured edits in force that are routed to the memory that holds them.
        recall_at_1_rephrase: the same over their rephrased prompts.
        false_fire: share of the unrelated prompts that are routed to any memory.
        oracle: reliability and generalization where each edit's memory is told.
        base: reliability, generalization, exact match and ``says_it`` of the unedited model.
        seconds: how long the measurement took.
        format: how everything was asked: ``raw``, or ``chat``, as a user's message behind the chat template.
        says_it: share of the edits to which the greedy answer has the target's words and not the old answer's
            (:func:`wisedb.serving.says.says`).
        says_it_rephrase: the same over the rephrased prompts.
        forced: what a memory does to the unedited model's text about other things where it answers all the same;
            ``None`` where there is no memory or no such text.
        portability: mean over the questions whose answer follows from an edit of the share of the answer's tokens that
            are the argmax (mean over each edit's, then over the edits); ``None`` where no edit has such questions.
        exact_match_portability: share of these questions whose greedy answer, at its natural stop, is the expected one.
        text: what is left of the unedited model's text about other things, each prompt routed as it is asked; ``None``
            as with ``forced``.
        right_by_text: share of the edits whose greedy answer has the target's words and not the old answer's, and ends
            by itself.
        right_by_text_rephrase: the same over the rephrased prompts.
        forms: how it is asked, and what must not fire; ``None`` where that was not asked for.
    """

    commit: str
    mode: str
    n: int
    reliability: float | None
    generalization: float | None
    locality: float | None
    exact_match: float | None
    exact_match_rephrase: float | None
    recall_at_1: float | None
    recall_at_1_rephrase: float | None
    false_fire: float | None
    oracle: Mapping[str, float | None]
    base: Mapping[str, float | None]
    seconds: float
    format: str = "raw"
    says_it: float | None = None
    says_it_rephrase: float | None = None
    forms: FormFigures | None = None
    forced: KeptText | None = None
    portability: float | None = None
    exact_match_portability: float | None = None
    text: KeptText | None = None
    right_by_text: float | None = None
    right_by_text_rephrase: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb eval --json`` prints it."""
        return {
            "commit": self.commit,
            "mode": self.mode,
            "n": self.n,
            "reliability": self.reliability,
            "generalization": self.generalization,
            "locality": self.locality,
            "exact_match": self.exact_match,
            "exact_match_rephrase": self.exact_match_rephrase,
            "router": {
                "recall_at_1": self.recall_at_1,
                "recall_at_1_rephrase": self.recall_at_1_rephrase,
                "false_fire": self.false_fire,
            },
            "oracle": dict(self.oracle),
            "base": dict(self.base),
            "seconds": self.seconds,
            "format": self.format,
            "generation": "neutral",
            "says_it": self.says_it,
            "says_it_rephrase": self.says_it_rephrase,
            "right_by_text": self.right_by_text,
            "right_by_text_rephrase": self.right_by_text_rephrase,
            "portability": self.portability,
            "exact_match_portability": self.exact_match_portability,
            "forced": None if self.forced is None else self.forced.to_json(),
            "text": None if self.text is None else self.text.to_json(),
            **(dict.fromkeys(("how_asked", "must_not_fire", "seed")) if self.forms is None else self.forms.to_json()),
        }
