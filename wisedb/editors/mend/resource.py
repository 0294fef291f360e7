"""The trained editor network of a base model, as a resource: made once, kept as a blob that commits name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from wisedb.canonical import canonical_json, digest
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.mend.decompose import EditedModel
from wisedb.editors.mend.made_up import MadeUp, made_up_edits, sentences
from wisedb.editors.mend.network import EditorNetworks
from wisedb.editors.mend.settings import NetworkSettings
from wisedb.editors.mend.train_network import train_network
from wisedb.editors.resources import Resource, Resources
from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.kinds.base import Part

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.model.locate import Projection

NAME = "editor_network"
"""The kind of its blob."""

_TEXTS = 3072
# A function of the base model: no store's seed has a part in it.
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """What the blob holds.

    Attributes:
        networks: the editor networks, not to be trained any further.
        texts: the model's own texts on which they were trained.
        made: how many made-up edits these were cut into.
    """

    networks: EditorNetworks
    texts: tuple[str, ...]
    made: int


def editor_network(settings: NetworkSettings) -> Resource[TrainedNetwork]:
    """The resource under some settings, which are part of what it is.

    Args:
        settings: how the network is trained; ``target`` is given as the module too.
    """

    def make(base: LoadedBase, resources: Resources, module: str) -> Part:
        return _make(base, resources, settings)

    return Resource(NAME, make, _read, digest(canonical_json(asdict(settings)))[:16])


def edited_projections(base: LoadedBase, target: str, blocks: int) -> tuple[Projection, ...]:
    """The value projections of the target's block and of those below it, lowest first.

    Args:
        base: the base model.
        target: the highest, empty for the last block's.
        blocks: how many; fewer where there aren't so many blocks.

    Raises:
        UnsupportedModel: one of the blocks has none.
    """
    layers = base.projection().layers
    highest = base.projection(target) if target else base.projection("", layers - 1)
    lowest = max(0, highest.layer - blocks + 1)
    return (*(base.projection("", layer) for layer in range(lowest, highest.layer)), highest)


def made_up(trained: TrainedNetwork, contexts: tuple[str, ...]) -> list[MadeUp]:
    """The edits on which a network was trained."""
    return made_up_edits(trained.texts, contexts, trained.made, _SEED)


def _make(base: LoadedBase, resources: Resources, settings: NetworkSettings) -> Part:
    pool = resources.get(POOL)
    projections = edited_projections(base, settings.target, settings.blocks)
    texts = sentences(base, pool, _TEXTS, seed_of(_SEED, "editor network's texts"))
    count = max(1, settings.network_steps) * settings.network_minibatch
    made = made_up_edits(texts, pool.contexts, count, _SEED)
    if not made:
        raise UsageError(
            "the model writes no texts of which edits could be made up to train the editor network",
            hint="Choose another editor, such as --editor keyed.",
        )
    model = EditedModel.of(base, [each.name for each in projections])
    networks, outcome = train_network(base, model, made, settings, _SEED, resources.progress)
    meta = {
        "pool": resources.blob(POOL),
        "shapes": [[each.name, each.d_ff, each.d_model] for each in projections],
        "settings": asdict(settings),
        "texts": texts,
        "made": count,
        "outcome": {name: float(f"{value:.4g}") for name, value in asdict(outcome).items()},
    }
    return Part(meta, networks.tensors())


def _read(part: Part) -> TrainedNetwork:
    try:
        shapes = {str(name): (int(d_ff), int(d_model)) for name, d_ff, d_model in part.meta["shapes"]}
        texts, made = tuple(map(str, part.meta["texts"])), int(part.meta["made"])
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptObject("this is no editor network", hint="Run `wisedb fsck`.") from error
    return TrainedNetwork(EditorNetworks.from_tensors(shapes, part.tensors), texts, made)
