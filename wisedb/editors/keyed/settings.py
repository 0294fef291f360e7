"""The settings of the editor of keyed side memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from wisedb.config import Setting
from wisedb.editors.common.settings import one_of, parse
from wisedb.errors import UnknownSetting

if TYPE_CHECKING:
    from wisedb.memory.gates.base import KeyFormat

FORMATS: Final[dict[str, KeyFormat]] = {"auto": "both", "raw": "raw", "chat": "chat", "both": "both"}
"""What ``format`` may be, and of which prompts keys are made then."""

RETIRED = (
    *("router", "alpha", "beta", "gamma", "routing_weight", "irrelevant", "irrelevant_source", "neighbours", "keep"),
    *("replay", "threshold_rule", "threshold_ratio", "lesson_size", "passes", "batch", "variations", "wordings"),
    *("attempts", "optimizer", "schedule", "whiten", "contexts_per_step", "margin", "check_every"),
)
"""Settings of format 1 that are no more. Stores, commits and memories written then name them all, and must stay
readable: they are taken and mean nothing. This list never grows but by what a later version retires."""

_DEFAULT = "Leave {} out to take the default."


@dataclass(frozen=True, slots=True)
class KeyedSettings:
    """How keyed side memories are written.

    Edits of one commit that go into one shard are an **edit batch**: they are fitted together, in minibatches over all
    of them, while the shard's earlier edits are rehearsed.

    Attributes:
        target: Shards. The matrix that is edited, by its path in the model; empty before the model is known.
        mask_ratio: ρ, the share of the matrix's entries that a shard may change, in (0, 1].
        shard_capacity: edits in force that a shard takes before the next one is opened; a passage counts several times.
        learning_rate: Optimiser. Of Adam, in units of the weight, falling linearly to 0 over the steps; measured from
            the model by ``calibrate``.
        max_delta: no entry of ΔW gets larger than this, in units of the weight; measured from the model too.
        steps: how often an edit batch sees each of its edits, on average and at most; a batch that fits into one
            minibatch takes so many steps.
        minibatch: Batches. Sequences in a step, those of rehearsed edits included. A long answer counts once for each
            full dozen of its tokens.
        rehearsal: how many of these are earlier edits of the shard, at most.
        contexts: Contexts. Prefixes behind which an edit is trained too, as the model itself wrote them.
        paraphrases: prompts borrowed from other edits with which an edit is trained too, at most: they ask of its
            subject what its own prompt asks of it (:func:`wisedb.editors.keyed.paraphrases.paraphrases`).
        train_rephrases: an edit's own rephrases are learned and routed by too
            (:func:`wisedb.memory.gates.keys.build.build_keys`); they can't measure generalization then.
        format: how an edit is learned and found: ``raw`` as a plain prompt, ``chat`` behind the model's chat template,
            ``both``; ``auto`` is both where there is a template, and raw elsewhere.
        end: the answer's end is learned too, so that generation stops by itself.
        density: Merge. Of the TIES merge, the share of the largest entries that is kept, in (0, 1].
        fit_merge: the TIES merge is only where training on all edits begins.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    mask_ratio: float = 0.2
    shard_capacity: int = 100

    learning_rate: float = 0.01
    max_delta: float = 1.0
    steps: int = 40

    minibatch: int = 16
    rehearsal: int = 8

    contexts: int = 2
    paraphrases: int = 8
    train_rephrases: bool = False
    format: str = "auto"
    end: bool = True

    density: float = 0.53
    fit_merge: bool = True

    def __post_init__(self) -> None:
        one_of("format", self.format, FORMATS)
        for name in ("mask_ratio", "density"):
            if not 0 < getattr(self, name) <= 1:
                raise UnknownSetting(f"{name} must lie in (0, 1]", hint=f"Give a share, such as {name}=0.2.")
        for name in ("shard_capacity", "steps", "minibatch"):
            if getattr(self, name) < 1:
                raise UnknownSetting(f"{name} must be at least 1", hint=_DEFAULT.format(name))
        for name in ("learning_rate", "max_delta"):
            if not getattr(self, name) > 0:
                raise UnknownSetting(f"{name} must be larger than 0", hint=_DEFAULT.format(name))
        for name in ("rehearsal", "contexts", "paraphrases"):
            if getattr(self, name) < 0:
                raise UnknownSetting(f"{name} must not be negative", hint=f"Give {name}=0 to switch it off.")

    @property
    def key_format(self) -> KeyFormat:
        """Of which prompts keys are made."""
        return FORMATS[self.format]

    @property
    def needs_template(self) -> bool:
        """Whether a model without a chat template can't be taught so."""
        return self.format in ("chat", "both")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Setting]) -> Self:
        """The defaults, and what is given in their place; what is :data:`RETIRED` is passed over.

        Texts are read as numbers and truth values where the setting is one, as ``--set key=value`` brings them.

        Raises:
            UnknownSetting: no such key, or a value that doesn't fit; the hint says what would.
        """
        return parse(cls, "keyed", settings, RETIRED)
