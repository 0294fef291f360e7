"""From settings as they are given, in TOML, in JSON or as ``--set key=value``, to an editor's own dataclass."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from difflib import get_close_matches
from math import isfinite
from typing import Any, Final, TypeVar

from wisedb.config import Setting
from wisedb.errors import UnknownSetting

S = TypeVar("S")

GATES: Final = ("always", "keys")
"""Behind what a change that acts everywhere may stand instead: nothing, or the keys, which find its own edits."""

ELSEWHERE: Final = {
    **dict.fromkeys(("edit_lr", "v_lr", "lr", "learningrate"), "learning_rate"),
    **dict.fromkeys(("n_iter", "v_num_grad_steps", "num_steps", "max_iters", "n_iters", "epochs"), "steps"),
    **dict.fromkeys(("layers", "inner_params", "layer", "rewrite_module_tmp"), "target"),
    **dict.fromkeys(("norm_constraint", "max_norm"), "max_delta"),
    **dict.fromkeys(("batch_size", "mini_batch", "mb_size"), "minibatch"),
    **dict.fromkeys(("context_template_length_params", "context_templates"), "contexts"),
    **dict.fromkeys(("densities",), "density"),
    **dict.fromkeys(("save_freq",), "shard_size"),
    **dict.fromkeys(("act_ratio",), "threshold_ratio"),
    **dict.fromkeys(("clamp_norm_factor",), "clamp"),
    **dict.fromkeys(("v_weight_decay",), "weight_decay"),
    **dict.fromkeys(("eps", "init_radius"), "radius"),
    **dict.fromkeys(("cedit",), "edit_weight"),
    **dict.fromkeys(("mom2_update_weight",), "covariance_weight"),
    **dict.fromkeys(("mom2_adjustment", "l2"), "ridge"),
    **dict.fromkeys(("nullspace_threshold",), "threshold"),
    **dict.fromkeys(("ewc_lambda", "lambda", "ewc_weight"), "consolidation"),
    **dict.fromkeys(("fisher_mem",), "fisher_edits"),
}
"""What EasyEdit and the papers' own code call a setting → what it is called here, in the editors that have it."""


def parse(cls: type[S], editor: str, settings: Mapping[str, Setting], retired: Collection[str] = ()) -> S:
    """The defaults of a frozen dataclass, and what is given in their place.

    Texts are read as numbers and truth values where the setting is one.

    Args:
        cls: its fields have defaults, of which each says by its type what it takes; its ``__post_init__`` checks them.
        editor: whose settings they are, for messages.
        settings: by name.
        retired: names that older stores give and nobody reads any more.

    Raises:
        UnknownSetting: no such name, or a value that doesn't fit; the hint says what would.
    """
    kinds = {field.name: type(field.default) for field in fields(cls)}  # type: ignore[arg-type]
    chosen: dict[str, Any] = {}
    for name, value in settings.items():
        if name in kinds:
            chosen[name] = fit(name, value, kinds[name])
        elif name not in retired:
            meant = ELSEWHERE.get(name.lower())
            near = [meant] if meant in kinds else get_close_matches(name, kinds, n=1, cutoff=0.0)
            raise UnknownSetting(
                f"the editor '{editor}' has no setting '{name}'",
                hint=f"Did you mean '{near[0]}'? `wisedb settings {editor}` lists all.",
            )
    return cls(**chosen)


def fit(name: str, value: Setting, kind: type) -> Setting:
    """A value as its setting wants it.

    Raises:
        UnknownSetting: it can't be one.
    """
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        if kind is bool:
            return value if isinstance(value, bool) else words[str(value).lower()]
        if kind is str:
            return str(value)
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
        if not isfinite(number) or (kind is int and number != int(number)):
            raise ValueError
        return int(number) if kind is int else number
    except (ValueError, KeyError, OverflowError):
        raise UnknownSetting(
            f"{name} can't be {value!r}", hint=f"It is a {'truth value' if kind is bool else kind.__name__}."
        ) from None


def positive(settings: object, *names: str) -> None:
    """Refuse settings of these names that are not above 0.

    Raises:
        UnknownSetting: one is not.
    """
    for name in names:
        if not getattr(settings, name) > 0:
            raise UnknownSetting(f"{name} is {getattr(settings, name)}", hint="Give a number above 0.")


def not_negative(settings: object, *names: str) -> None:
    """Refuse settings of these names that are below 0.

    Raises:
        UnknownSetting: one is.
    """
    for name in names:
        if not getattr(settings, name) >= 0:
            raise UnknownSetting(f"{name} is {getattr(settings, name)}", hint="Give 0 or more.")


def one_of(name: str, value: str, choices: Collection[str]) -> None:
    """Refuse a word that is none of some.

    Raises:
        UnknownSetting: it is none.
    """
    if value not in choices:
        raise UnknownSetting(f"{name} can't be {value!r}", hint=f"It is one of: {', '.join(choices)}.")
