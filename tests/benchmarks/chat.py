"""What a chat model says after edits, asked as people ask: single questions, whole conversations, essays, data sets.

    python -m tests.benchmarks.chat --model DIR --store STORE --what cases
    python -m tests.benchmarks.chat --model DIR --store STORE --what conversations,essays
    python -m tests.benchmarks.chat --model DIR --store STORE --data zsre.json --records 300
    python -m tests.benchmarks.chat --model DIR --what cases --context

The store is made beforehand: ``wisedb init``, then a commit of what ``--edits FILE`` writes (the edits of the cases, or
of a data set's records). With ``--context`` the unedited model is asked, with the one right fact in its system message:
what a perfect retrieval system would get.

Replies are greedy, in float32, to their natural stop or the limit. A reply is right where it has the target's words and
not the old answer's; it is the same where it is the unedited model's, word for word.

- cases: the edit's own question; a near and a far wording; behind another system message; as the second question of a
  conversation; between other sentences; two edited questions in one message, both said; two sentences about the
  subject (the fact is said; ten words at least); the same: another question on the subject, the same question on
  another subject, an unrelated question, another question after the edited one was answered, small talk after it.
- conversations: of 3 to 6 turns, the model's own replies in between. A turn about an edit is right as above; any other
  turn where the reply is what the unedited model says at that place.
- essays: 200 tokens on a subject with an edit: the target is said, and never the old answer; the loss, in nats a token,
  that the unedited model gives the text behind the fact's first sentence, beside that of its own essay.
- requests: for texts about subjects with an edit, which name its fact among other things, or don't. Where they do the
  target is said, and where they don't the reply is the same.
- a data set: the prompt, the first rephrase, and the locality prompts.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Literal

import click
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.model.chat import Message, encode_chat, user
from wisedb.model.tokens import pad_batch
from wisedb.repository import Repository

CASES = Path(__file__).parent / "chat_cases"
SHORT, TWO, LONG, ESSAY = 24, 48, 60, 200
Case = Mapping[str, Any]


def words(text: str) -> list[str]:
    """Lower-case words; only letters, digits and spaces count."""
    return re.sub(r"[^\w ]|_", " ", text.lower()).split()


def has(text: str, wanted: str) -> bool:
    """Whether the text has these words one after the other."""
    every, some = words(text), words(wanted)
    return any(every[place : place + len(some)] == some for place in range(len(every) - len(some) + 1))


class Speaker:
    """A model that is asked in conversations, eight at a time."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model.eval(), tokenizer

    @torch.no_grad()
    def __call__(self, chats: Sequence[Sequence[Message]], limit: int) -> list[str]:
        """What it says to each."""
        pad = self._tokenizer.pad_token_id or self._tokenizer.eos_token_id
        said = []
        for start in range(0, len(chats), 8):
            ids, mask = pad_batch(
                [encode_chat(self._tokenizer, chat) for chat in chats[start : start + 8]], pad, "left"
            )
            found = self._model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=limit, do_sample=False, pad_token_id=pad
            )
            said += self._tokenizer.batch_decode(found[:, ids.shape[1] :], skip_special_tokens=True)
        return [text.strip() for text in said]

    @torch.no_grad()
    def loss(self, chat: Sequence[Message], reply: str, first: int = 0) -> float:
        """Nats a token of a reply, its first characters left out."""
        asked = encode_chat(self._tokenizer, chat)
        ids = [token for part in (reply[:first], reply[first:]) for token in self._plain(part)]
        labels = torch.tensor([[-100] * (len(asked) + len(self._plain(reply[:first]))) + self._plain(reply[first:])])
        return float(self._model(input_ids=torch.tensor([asked + ids]), labels=labels).loss)

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def role(name: str, content: str) -> Message:
    return {"role": name, "content": content}


def right(text: str, target: str, old: str | None) -> bool:
    return has(text, target) and not (old and has(text, old))


def cases(told: Speaker, base: Speaker, some: Sequence[Case], context: bool) -> dict[str, float]:
    """Shares of the cases, by kind."""

    def chats(make: Callable[[Case], list[Message]]) -> list[list[Message]]:
        facts = [f"Newest facts: {case['edit']['prompt']} {case['edit']['target']}." for case in some]
        before = [[role("system", fact)] if context else [] for fact in facts]
        return [[*first, *make(case)] for first, case in zip(before, some, strict=True)]

    def prompt(case: Case) -> str:
        return str(case["edit"]["prompt"])

    asked: dict[str, Callable[[Case], list[Message]]] = {
        "asked": lambda case: [user(prompt(case))],
        "near wording": lambda case: [user(case["ways"][0])],
        "far wording": lambda case: [user(case["ways"][1])],
        "system": lambda case: [role("system", "You are a patient teacher who answers briefly."), user(prompt(case))],
        "second turn": lambda case: [user(case["unrelated"]), role("assistant", "Here you are!"), user(prompt(case))],
        "in text": lambda case: [user(f"We talked about this at dinner. {prompt(case)} Nobody could tell.")],
    }
    found = {}
    for kind, make in asked.items():
        replies = told(chats(make), SHORT)
        found[kind] = mean(
            right(text, case["edit"]["target"], case["old"]) for text, case in zip(replies, some, strict=True)
        )
    both = told(chats(lambda case: [user(f"{prompt(case)} And {case['second'][0].lower()}{case['second'][1:]}")]), TWO)
    found["two facts"] = mean(
        has(text, case["edit"]["target"]) and has(text, case["second_target"])
        for text, case in zip(both, some, strict=True)
    )
    long = told(chats(lambda case: [user(case["long"])]), LONG)
    found["long says"] = mean(has(text, case["edit"]["target"]) for text, case in zip(long, some, strict=True))
    found["long whole"] = mean(len(words(text)) >= 10 for text in long)
    if context:
        return found

    def answered(case: Case) -> list[Message]:
        return [user(prompt(case)), role("assistant", f"{case['edit']['target']}.")]

    kept: dict[str, Callable[[Case], list[Message]]] = {
        "other": lambda case: [user(case["other"])],
        "near": lambda case: [user(case["near"])],
        "unrelated": lambda case: [user(case["unrelated"])],
        "after": lambda case: [*answered(case), user(case["near"])],
        "thanks": lambda case: [*answered(case), user("Thank you! Please tell me a short joke about dogs.")],
    }
    for kind, make in kept.items():
        found[f"same {kind}"] = mean(map(str.__eq__, told(chats(make), SHORT), base(chats(make), SHORT)))
    return found


def conversations(told: Speaker, base: Speaker, some: Sequence[Case]) -> dict[str, float]:
    """Shares of turns that are right."""
    chats: list[list[Message]] = [[] for _ in some]
    edited: list[bool] = []
    plain: list[bool] = []
    for turn in range(max(len(each["turns"]) for each in some)):
        here = [number for number, each in enumerate(some) if turn < len(each["turns"])]
        for number in here:
            chats[number].append(user(some[number]["turns"][turn]["user"]))
        replies = told([chats[number] for number in here], SHORT)
        unedited = base([chats[number] for number in here], SHORT)
        for number, reply, other in zip(here, replies, unedited, strict=True):
            asked = some[number]["turns"][turn]
            if asked["kind"] == "edited":
                edited.append(right(reply, asked["target"], asked["old"]))
            else:
                plain.append(reply == other)
            chats[number].append(role("assistant", reply))
    return {"turns": mean([*edited, *plain]), "turns about edits": mean(edited), "other turns": mean(plain)}


def essays(told: Speaker, base: Speaker, some: Sequence[Case]) -> dict[str, float]:
    """Whether the fact is said, and how the unedited model finds the text."""
    chats = [[user(case["prompt"])] for case in some]
    texts, unedited = told(chats, ESSAY), base(chats, ESSAY)
    pairs = list(zip(texts, some, strict=True))
    losses = []
    for chat, text in zip(chats, texts, strict=True):
        end = re.search(r"[.!?]\s", text)
        if end is not None:
            losses.append(base.loss(chat, text, end.end() - 1))
    return {
        "said": mean(has(text, case["target"]) for text, case in pairs),
        "said, and never the old answer": mean(right(text, case["target"], case["old"]) for text, case in pairs),
        "unedited: old answer said": mean(has(text, case["old"]) for text, case in zip(unedited, some, strict=True)),
        "loss": mean(losses),
        "loss of the unedited model's": mean(base.loss(chat, text) for chat, text in zip(chats, unedited, strict=True)),
    }


def requests(told: Speaker, base: Speaker, some: Sequence[Case]) -> dict[str, float]:
    """Whether the fact is said where a text is to have it, and the text left alone where it isn't."""
    wanted, others = ([case for case in some if ("target" in case) == named] for named in (True, False))
    texts, kept = (told([[user(case["prompt"])] for case in each], LONG) for each in (wanted, others))
    unedited = base([[user(case["prompt"])] for case in others], LONG)
    return {
        "said": mean(has(text, case["target"]) for text, case in zip(texts, wanted, strict=True)),
        "said, and never the old answer": mean(
            right(text, case["target"], case["old"]) for text, case in zip(texts, wanted, strict=True)
        ),
        "same": mean(map(str.__eq__, kept, unedited)),
    }


def records(told: Speaker, base: Speaker, edits: Sequence[Edit]) -> dict[str, float]:
    """A data set's own measures, in a chat."""
    again = [edit for edit in edits if edit.rephrases]
    near = [locality.prompt for edit in edits for locality in edit.locality]
    asked = told([[user(edit.prompt)] for edit in edits], SHORT)
    rephrased = told([[user(edit.rephrases[0])] for edit in again], SHORT)
    kept = [[user(prompt)] for prompt in near]
    return {
        "prompt": mean(right(text, edit.target, edit.ground_truth) for text, edit in zip(asked, edits, strict=True)),
        "rephrase": mean(
            right(text, edit.target, edit.ground_truth) for text, edit in zip(rephrased, again, strict=True)
        ),
        "locality": mean(map(str.__eq__, told(kept, SHORT), base(kept, SHORT))),
    }


@click.command(context_settings={"show_default": True})
@click.option("--model", required=True, help="The chat model's folder.")
@click.option("--store", help="The store, at its branch's tip; without it the unedited model is asked.")
@click.option(
    "--mode",
    type=click.Choice(["retrieve", "merge", "context", "hybrid"]),
    default="retrieve",
    help="How the store answers.",
)
@click.option("--what", default="cases", help="cases, conversations, essays, requests.")
@click.option("--context", is_flag=True, help="Put the one right fact into the system message.")
@click.option("--limit", type=int, help="Every n-th of them, so that about as many are asked.")
@click.option("--cases", "own", type=click.Path(exists=True, path_type=Path), help="A file in the place of ours.")
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Records in the place of the cases.")
@click.option("--records", "count", default=300, help="How many.")
@click.option("--edits", "write", type=click.Path(path_type=Path), help="Write the edits to a file, and stop.")
def main(
    model: str,
    store: str | None,
    mode: Literal["retrieve", "merge", "context", "hybrid"],
    what: str,
    context: bool,
    limit: int | None,
    own: Path | None,
    data: Path | None,
    count: int,
    write: Path | None,
) -> None:
    """Ask a chat model."""
    chosen = _read("cases", own)
    edits = [Edit(**case["edit"]) for case in chosen] if data is None else list(read_edits(data))[:count]
    if write is not None:
        lines = [{"prompt": edit.prompt, "target": edit.target, "subject": edit.subject} for edit in edits]
        write.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
        return
    tokenizer = AutoTokenizer.from_pretrained(model)
    base = Speaker(AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), tokenizer)
    told = (
        base
        if store is None
        else Speaker(Repository.open(store).load("HEAD", mode=mode, dtype=torch.float32)[0], tokenizer)
    )
    found: dict[str, Any] = {
        "model": Path(model).name,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "mode": mode,
    }
    if data is not None:
        found |= records(told, base, edits)
    else:
        for name in what.split(","):
            some = _read(name, own)
            step = max(1, len(some) // limit) if limit else 1
            found[name] = _measure(name, told, base, some[::step], context)
    click.echo(json.dumps(found, indent=1, ensure_ascii=False))


def _measure(name: str, told: Speaker, base: Speaker, some: Sequence[Case], context: bool) -> dict[str, float]:
    if name == "cases":
        return {"asked about": len(some), **cases(told, base, some, context)}
    measure = {"conversations": conversations, "essays": essays, "requests": requests}[name]
    return {"asked about": len(some), **measure(told, base, some)}


def _read(name: str, own: Path | None) -> list[Case]:
    file = CASES / f"{name}.json" if own is None or name != "cases" else own
    found: list[Case] = json.loads(file.read_text("utf-8"))
    return found


if __name__ == "__main__":
    main()
