"""What side memories cost a model that generates: prefill and decode relative to the unedited model.

One run, interleaved: the unedited model and an edited one over the very same weights generate a token each in turn, so
that whatever else the machine does falls on both. A figure is the median of the ratios of such pairs, of processor time
by default: on a machine that is shared, the wall clock also shows who else had it. The unedited model is measured
against itself too.

    python -m tests.benchmarks.latency
"""

from __future__ import annotations

import json
import platform
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch
from transformers import PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from tests.benchmarks.latency_table import rows_of, table
from tests.benchmarks.llama import (
    edit_prompts,
    llama,
    prompts_of,
    relations,
    side_memories,
    statistics,
    twin,
    unrelated_prompts,
    with_thresholds,
)
from wisedb.memory.hooks import attach, handle_of
from wisedb.memory.memory import Memory
from wisedb.model.locate import locate

PREFILL, DECODE = 1.03, 1.01
"""The aims, times the unedited model's."""


_NEVER = 1e9


@dataclass
class Case:
    """One model with prompts of one kind.

    Attributes:
        router: who decides, or "unedited".
        shards: how many memories there are.
        routed: "no", "one" (all rows to one memory) or "spread" (as many memories as there are).
        model: the model.
        prompts: int64 (B, T).
        prefill: pairs of seconds to the first token, the unedited model's and this one's.
        decode: pairs of seconds of one further token.
        routes: the memories that answered.
    """

    router: str
    shards: int
    routed: str
    model: PreTrainedModel
    prompts: torch.Tensor
    prefill: list[tuple[float, float]] = field(default_factory=list)
    decode: list[tuple[float, float]] = field(default_factory=list)
    routes: tuple[int, ...] = ()

    def generate(self, tokens: int, *criteria: StoppingCriteria) -> None:
        """Generate greedily."""
        self.model.generate(
            self.prompts,
            attention_mask=torch.ones_like(self.prompts),
            max_new_tokens=tokens,
            do_sample=False,
            stopping_criteria=StoppingCriteriaList(criteria),
        )


class Lane(StoppingCriteria):  # type: ignore[misc]
    """A model that generates in a thread of its own and gives way to its neighbour after every token.

    Args:
        case: the model.
        tokens: how many to generate.
        mine: acquired before each step.
        yours: released after each step.
        clock: seconds.
    """

    def __init__(
        self,
        case: Case,
        tokens: int,
        mine: threading.Semaphore,
        yours: threading.Semaphore,
        clock: Callable[[], float],
    ) -> None:
        self.case, self.tokens = case, tokens
        self.mine, self.yours, self.clock = mine, yours, clock
        self.times: list[float] = []
        self.begin = 0.0
        self.threads = torch.get_num_threads()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        self.times.append(self.clock() - self.begin)
        self.yours.release()
        self.mine.acquire()
        self.begin = self.clock()
        return torch.zeros(len(input_ids), dtype=torch.bool)

    def run(self) -> None:
        """Generate once."""
        # OpenMP keeps the number for each thread.
        torch.set_num_threads(self.threads)
        self.mine.acquire()
        self.begin = self.clock()
        self.case.generate(self.tokens, self)
        self.yours.release()


def alternate(plain: Case, case: Case, tokens: int, clock: Callable[[], float], *, plain_first: bool) -> None:
    """Let two models generate, a token each in turn, and note each pair of times."""
    turns = threading.Semaphore(plain_first), threading.Semaphore(not plain_first)
    lanes = [Lane(one, tokens, turns[place], turns[1 - place], clock) for place, one in enumerate((plain, case))]
    threads = [threading.Thread(target=lane.run) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for step, pair in enumerate(zip(lanes[0].times, lanes[1].times, strict=True)):
        (case.decode if step % tokens else case.prefill).append(pair)


def cases(
    model: PreTrainedModel, batch: int, length: int, counts: Sequence[int], routers: Sequence[str], edits: int
) -> list[Case]:
    """All models to be compared, the unedited one twice."""
    prompts = edit_prompts(edits)
    projection = locate(model)
    found = statistics(model, projection)
    # Edit n is in memory n mod k: these are in one, or in as many as possible.
    asked = prompts_of(prompts[: max(counts) * batch], length)
    keys = relations(model, found, asked)
    unrelated = unrelated_prompts(batch, length)
    made = [Case("unedited", 0, "no", twin(model), unrelated) for _ in range(2)]
    for shards in counts:
        memories = side_memories(model, shards, prompts, keys, found)
        for router in routers:
            kinds = {"no": unrelated, "one": asked[: shards * batch : shards]}
            if batch > 1 and shards > 1:
                kinds["spread"] = asked[:batch]
            edited: dict[bool, PreTrainedModel] = {}
            for routed, given in kinds.items():
                fires = routed != "no"
                if fires not in edited:
                    edited[fires] = _edited(model, router, memories, fires)
                made.append(Case(router, shards, routed, edited[fires], given))
    return made


def _edited(model: PreTrainedModel, router: str, memories: list[Memory], fires: bool) -> PreTrainedModel:
    other = twin(model)
    # Random memories are excited alike by any prompt: the threshold says whether they answer.
    given = memories if router == "keys" else with_thresholds(memories, 0.0 if fires else _NEVER)
    attach(other, given)
    return other


def measure(made: Sequence[Case], tokens: int, rounds: int, clock: Callable[[], float]) -> None:
    """Fill the cases' times and routes."""
    for case in made:
        case.generate(2)
        handle = handle_of(case.model)
        if handle is not None:
            with handle.record() as record:
                case.generate(1)
            case.routes = tuple(record.routes.tolist())
    plain, *others = made
    for turn in range(rounds):
        for case in others:
            # Whoever comes second finds the caches as the first left them: both are first equally often.
            alternate(plain, case, tokens, clock, plain_first=turn % 2 == 0)


@click.command()
@click.option("--dtype", "dtypes", multiple=True, default=("float32", "bfloat16"))
@click.option("--batch", "batches", multiple=True, type=int, default=(1, 8))
@click.option("--shards", "counts", multiple=True, type=int, default=(1, 4, 16))
@click.option("--router", "routers", multiple=True, default=("keys", "activation"))
@click.option("--edits", default=1000, help="How many edits the memories hold together.")
@click.option("--length", default=64, help="Tokens of a prompt.")
@click.option("--tokens", default=12, help="Tokens to generate.")
@click.option("--rounds", type=click.IntRange(2), default=10)
@click.option("--clock", type=click.Choice(["processor", "wall"]), default="processor")
@click.option("--threads", default=1)
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder that the figures go to.")
def main(
    dtypes: Sequence[str],
    batches: Sequence[int],
    counts: Sequence[int],
    routers: Sequence[str],
    edits: int,
    length: int,
    tokens: int,
    rounds: int,
    clock: str,
    threads: int,
    seed: int,
    out: Path | None,
) -> None:
    """Measure and print Markdown tables."""
    torch.set_num_threads(threads)
    for dtype in dtypes:
        model = llama(getattr(torch, dtype), seed)
        for batch in batches:
            made = cases(model, batch, length, counts, routers, edits)
            measure(made, tokens, rounds, time.thread_time if clock == "processor" else time.perf_counter)
            found = rows_of(made, dtype, batch)
            click.echo(
                f"\n{dtype}, batch {batch}: unedited prefill {found[0]['prefill_unedited_ms']:.0f} ms, decode "
                f"{found[0]['decode_unedited_ms']:.1f} ms a token\n\n{table(found)}"
            )
            if out is not None:
                settings = {"edits": edits, "prompt_tokens": length, "tokens": tokens, "threads": threads, "seed": seed}
                write(out, model, found, {**settings, "rounds": rounds, "clock": clock})


def conditions(model: PreTrainedModel) -> dict[str, Any]:
    """What the figures are of and from."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {
        "model": f"Llama of SmolLM-135M's shape, random, {parameters:,} parameters",
        "machine": f"{platform.machine()}, no GPU",
        "versions": {package: version(package) for package in ("wisedb", "torch", "transformers")},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def write(out: Path, model: PreTrainedModel, rows: Sequence[dict[str, Any]], settings: dict[str, Any]) -> None:
    """Write the figures of one dtype and batch size."""
    document = {
        "name": "latency",
        **conditions(model),
        **settings,
        "aims": {"prefill": PREFILL, "decode": DECODE},
        "rows": list(rows),
    }
    out.mkdir(parents=True, exist_ok=True)
    name = f"latency_{rows[0]['dtype']}_{rows[0]['batch']}.json"
    (out / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
