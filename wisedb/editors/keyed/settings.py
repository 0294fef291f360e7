"""The settings of the editor of keyed side memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from math import isfinite
from types import MappingProxyType
from typing import Any, Self

from wisedb.config import Setting
from wisedb.errors import UnknownSetting

_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "optimizer": ("adam", "sgd"),
        "schedule": ("linear", "constant"),
        "router": ("activation", "keys", "both"),
        "irrelevant_source": ("pool", "edits"),
        "threshold_rule": ("own", "contexts", "pool", "middle"),
    }
)


@dataclass(frozen=True, slots=True)
class KeyedSettings:
    """How keyed side memories are written.

    α, β, γ, ``max_delta`` and ``learning_rate`` are in the units of the model at hand; ``calibrate`` scales them.

    Edits of one commit are fitted together, in a **lesson**: minibatches over all of them, the hard ones more often,
    while earlier edits of the shard are rehearsed. With ``lesson_size`` 1 each edit is written by itself, as in the
    source.

    Attributes:
        target: the matrix that is edited, by its path in the model; empty before the model is known.
        mask_ratio: ρ, the share of the projection's entries that a shard may change.
        shard_capacity: edits in force that a shard takes before the next one is opened; a passage counts several times.
        lesson_size: edits of one commit that are fitted together, at most; 1 writes one after the other (the source).
        passes: how often a lesson sees each of its edits, on average and at most.
        batch: seats in a step of a lesson, rehearsed edits included: a sequence takes one for each full dozen of its
            answer's tokens, one at least.
        variations: prompts with words outside the subject left out at random, with which an edit is trained too, unless
            ``lesson_size`` is 1 (0 in the source).
        wordings: prompts borrowed from other edits of the lesson, with which an edit is trained too, at most: they ask
            of its subject what its own prompt asks of it (see :func:`wisedb.editors.keyed.paraphrases.wordings`). None
            where keys don't route, in a lesson of a few edits and for a passage (0 in the source). A fitted merge takes
            twice as many, in the place of the variations.
        steps: optimiser steps of an edit that is written by itself, at most; a lesson has at least as many.
        attempts: how often these steps are taken anew, at most, while the edit's answer, bare or behind a context, or
            that of an earlier edit of the shard is not said yet: long answers of rare words need it (1 in the source).
            A lesson is taken anew while more than a tenth of its edits are not said and the last time said more of
            them, one of passages never.
        optimizer: ``adam`` or ``sgd``; its state is fresh for each lesson.
        schedule: the learning rate over these steps: ``linear`` (down to 0) or ``constant``.
        learning_rate: of that optimiser, in units of the weight.
        whiten: a lesson's steps are taken in coordinates in which A(x) is white (see
            :class:`wisedb.editors.keyed.preconditioner.Whitening`).
        max_delta: no entry of ΔW gets larger than this, in units of the weight.
        router: what finds the shard of a prompt: ``keys``, ``activation`` (the source), or ``both``. With ``keys``
            alone ΔW need not tell prompts apart: L_a and L_memo are left out, with all that serves them (``alpha`` to
            ``routing_weight``, ``irrelevant``, ``neighbours``, ``keep``, ``replay``).
        train_rephrases: an edit's rephrases are learned and routed by too (see :func:`build_keys`); they can't measure
            generalization then.
        alpha: α, what Δ_act of an unrelated prompt must stay under.
        beta: β, what Δ_act of an edit prompt must reach.
        gamma: γ, how far they must lie apart.
        routing_weight: what L_a is multiplied with in L = −log P + L_a (1 in the source).
        contexts: generated prefixes behind which an edit is trained too.
        contexts_per_step: how many of them one step takes where an edit is written by itself.
        irrelevant: unrelated prompts a step.
        neighbours: of the unrelated prompts of an edit, how many are its own prompt with another, made-up subject; none
            where its subject isn't given (0 in the source).
        keep: of those of a step, prompts that must also go on as the unedited model would, should they be routed to
            the shard all the same (0 in the source).
        irrelevant_source: ``pool``, or ``edits``: the edit's own locality prompts where it has any.
        replay: prompts of edits of other shards recorded for each edit (L_memo).
        rehearsal: earlier edits of the same shard that one step repeats (0 in the source).
        threshold_rule: what ε is: ``own`` (the smallest Δ_act of the shard's own edits, the source's rule),
            ``contexts`` (the same, behind the contexts too: longer prompts are quieter, as rephrases may be), ``pool``
            (the 99 % quantile of the unrelated prompts), ``middle`` (half way from that to ``contexts``). The last two
            are never above ``contexts``.
        threshold_ratio: what the rule's ε is multiplied with.
        density: of the TIES merge, the share of the largest entries that is kept.
        fit_merge: the TIES merge is only where a last lesson over all edits begins, where keys alone route (no in the
            source).
        margin: an edit is learned once each answer token leads the others by this, in nats.
        check_every: steps between two looks whether the edit is learned, where it is written by itself.
        end: the answer's end is learned too, so that generation stops by itself.
    """

    target: str = ""
    mask_ratio: float = 0.2
    shard_capacity: int = 100
    lesson_size: int = 500
    passes: int = 40
    batch: int = 16
    variations: int = 2
    wordings: int = 4
    steps: int = 40
    attempts: int = 3
    optimizer: str = "adam"
    schedule: str = "linear"
    learning_rate: float = 0.01
    whiten: bool = True
    max_delta: float = 1.0
    router: str = "keys"
    train_rephrases: bool = False
    alpha: float = 5.0
    beta: float = 20.0
    gamma: float = 10.0
    routing_weight: float = 1.0
    contexts: int = 2
    contexts_per_step: int = 3
    irrelevant: int = 20
    neighbours: int = 16
    keep: int = 12
    irrelevant_source: str = "pool"
    replay: int = 8
    rehearsal: int = 8
    threshold_rule: str = "own"
    threshold_ratio: float = 0.75
    density: float = 0.53
    fit_merge: bool = True
    margin: float = 1.0
    check_every: int = 5
    end: bool = True

    @property
    def hinged(self) -> bool:
        """Whether ΔW itself must tell prompts apart: L_a and L_memo are trained."""
        return self.router != "keys"

    @property
    def keyed(self) -> bool:
        """Whether memories get keys."""
        return self.router != "activation"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UnknownSetting(
                    f"{name} can't be {getattr(self, name)!r}", hint=f"It is one of: {', '.join(choices)}."
                )
        for name in ("mask_ratio", "density"):
            if not 0 < getattr(self, name) <= 1:
                raise UnknownSetting(f"{name} must lie in (0, 1]", hint=f"Give a share, such as {name}=0.2.")
        for name in ("shard_capacity", "lesson_size", "passes", "batch", "steps", "attempts", "check_every"):
            if getattr(self, name) < 1:
                raise UnknownSetting(f"{name} must be at least 1")
        for name in ("learning_rate", "max_delta", "beta", "threshold_ratio"):
            if not getattr(self, name) > 0:
                raise UnknownSetting(f"{name} must be larger than 0")
        for name in _NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise UnknownSetting(f"{name} must not be negative")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Setting]) -> Self:
        """The defaults, and what is given in their place.

        Texts are read as numbers and truth values where the setting is one, as ``--set key=value`` brings them.

        Raises:
            UnknownSetting: no such key, or a value that doesn't fit; the hint says what would.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        chosen: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in kinds:
                near = get_close_matches(name, kinds, n=1, cutoff=0.0)
                raise UnknownSetting(f"the editor 'keyed' has no setting '{name}'", hint=f"Did you mean '{near[0]}'?")
            chosen[name] = _fit(name, value, kinds[name])
        return cls(**chosen)


_NOT_NEGATIVE = (
    "alpha",
    "gamma",
    "routing_weight",
    "contexts",
    "contexts_per_step",
    "irrelevant",
    "neighbours",
    "keep",
    "replay",
    "rehearsal",
    "variations",
    "wordings",
    "margin",
)


def _fit(name: str, value: Setting, kind: type) -> Setting:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        if kind is bool:
            return value if isinstance(value, bool) else words[str(value).lower()]
        if kind is str:
            return str(value)
        if isinstance(value, bool):
            raise ValueError
        if kind is int:
            number = float(value)
            if number != int(number):
                raise ValueError
            return int(number)
        number = float(value)
        if not isfinite(number):
            raise ValueError
        return number
    except (ValueError, KeyError, OverflowError):
        raise UnknownSetting(
            f"{name} can't be {value!r}", hint=f"It is a {'truth value' if kind is bool else kind.__name__}."
        ) from None
