"""What a question asks of its subject, whatever its wording: learned from questions whose meaning is known.

The state at which a reply begins, and the mean of the states of the message, say who asks for what, and in which
manner. The directions that tell one question about a subject from another one about it are those of a linear
discriminant analysis (Fisher 1936; after within-class covariance normalisation, Hatch et al., Interspeech 2006): over
a set of questions that ships with wisedb, in which each kind of thing is asked for several facts and for what may be
asked of anything (what it looks like, whether it is any good), and each fact in several wordings, near and far ones,
and by the way in requests for a text. With x a state, w a wording, f a fact of n_f wordings and s a subject,

    W = (Σ_w (x_w − x̄_f)(x_w − x̄_f)ᵀ / n + λ·I)^(−1/2)            the manner of asking counts little
    V = the first directions of √n_f·W·(x̄_f − x̄_s) over all facts   what is asked counts much
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

import torch

from wisedb.memory.gates.keys.whitening import halves_alike, white

# How many directions, and λ in units of the mean variance. Chosen on the set itself, its kinds left out by turns.
_DIRECTIONS = 24
_SHRINKAGE = 0.3
# Of each kind of thing so many are asked about: each costs all of its questions.
_SUBJECTS = 1
# Behind the end of a sentence.
_SENTENCE = re.compile(r"(?<=[.!?]) ")
# Of the wordings of a fact the last two of nine ask for a text; the one before them asks for a sentence in some facts.
_REQUESTED = (False, False, False, False, False, False, None, True, True)


class Question(NamedTuple):
    """A question of the set.

    Attributes:
        text: as a user writes it.
        fact: which fact it asks for; others ask for the same one.
        subject: of whom; other facts are asked of the same one.
        request: whether it asks for a text in which the fact is to come up; None where it asks for a sentence.
    """

    text: str
    fact: int
    subject: int
    request: bool | None


def question_state(states: torch.Tensor) -> torch.Tensor:
    """What a conversation of one message asks, (2·d,).

    Args:
        states: (T, d), those of all layers side by side, from the message's first token up to where the reply begins.
    """
    return torch.cat([states[-1], states.mean(dim=0)])


def shipped_statements() -> list[str]:
    """Sentences that ask for nothing: those in front of the questions that ship with wisedb."""
    texts = (question.text for question in shipped_questions() if not question.request)
    sentences = (sentence for text in texts for sentence in _SENTENCE.split(text)[:-1])
    return [sentence for sentence in sentences if " " in sentence and sentence.endswith(".")]


def shipped_questions(subjects: int = _SUBJECTS) -> list[Question]:
    """The questions that ship with wisedb, about so many subjects of each kind."""
    text = files(__package__).joinpath("questions.json").read_text("utf-8")
    found: list[Question] = []
    for kind in json.loads(text)["kinds"]:
        facts = len({question.fact for question in found})
        for number, subject in enumerate(kind["subjects"][:subjects]):
            about = len({question.subject for question in found})
            for place, wordings in enumerate(kind["relations"].values()):
                fact = facts + number * len(kind["relations"]) + place
                found += [
                    Question(wording.format(subject), fact, about, _REQUESTED[order])
                    for order, wording in enumerate(wordings)
                ]
    return found


def compute_question_map(
    states: torch.Tensor, questions: Sequence[Question], width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean of what questions ask, float32 (2·d,), and the map (2·d, width) to relation keys.

    Args:
        states: what each of the questions asks, (n, 2·d).
        questions: see above.
        width: of a relation key; columns beyond the directions that are found are zero.
    """
    states = states.double()
    mean = states.mean(dim=0)
    scale = halves_alike(states - mean)
    # In the space that the questions span, which is smaller where the model is wide.
    basis = torch.linalg.qr(((states - mean) * scale).T)[0]
    spread = ((states - mean) * scale) @ basis
    fact = torch.tensor([question.fact for question in questions])
    subject = torch.tensor([question.subject for question in questions])
    means = _means(spread, fact)
    within = white(spread - means[fact], _SHRINKAGE * len(mean) / spread.shape[1]).double()
    of_whom = torch.zeros(len(means), dtype=torch.int64).index_copy(0, fact, subject)
    between = means @ within
    between = between - _means(between, of_whom)[of_whom]
    # The mean of few wordings says less.
    between = between * torch.bincount(fact).sqrt()[:, None]
    directions = torch.linalg.svd(between, full_matrices=False).Vh[: min(width, _DIRECTIONS)].T
    found = scale[:, None] * (basis @ (within @ directions))
    return mean.float(), torch.nn.functional.pad(found, (0, width - found.shape[1])).float()


def _means(values: torch.Tensor, group: torch.Tensor) -> torch.Tensor:
    """The mean of the rows of each group, (groups, d), from rows (n, d) and their groups, int64 (n,)."""
    groups = int(group.max()) + 1
    sums = values.new_zeros(groups, values.shape[1]).index_add(0, group, values)
    return sums / torch.bincount(group, minlength=groups)[:, None].clamp(min=1)
