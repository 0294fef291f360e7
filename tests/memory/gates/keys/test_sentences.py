"""Messages sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.memory.test_chat import FRANCE, HAMLET, OTHER, TOKENIZER, UNRELATED
from tests.models import tiny_model
from wisedb.edits import Edit
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.chat_statistics import Closing
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.prompt_features import PromptFeatures
from wisedb.memory.gates.keys.question_map import question_state
from wisedb.memory.gates.keys.questions import AskedOf
from wisedb.memory.gates.keys.replies import Meant, last_reply
from wisedb.memory.gates.keys.sentence_reader import SentenceReader
from wisedb.memory.gates.keys.sentences import Heard, score_messages
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.model.capture import capture
from wisedb.model.chat import Message, encode_chat, user
from wisedb.model.locate import locate

MODEL = tiny_model("llama")


def ids_of(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER(text, add_special_tokens=False)["input_ids"])


QUESTIONS = {
    number: AskedOf(ids_of(edit.prompt), ids_of(f" {edit.subject}")) for number, edit in enumerate((FRANCE, HAMLET))
}


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    return compute_statistics(MODEL, locate(MODEL), TOKENIZER, UNRELATED)


@pytest.fixture(scope="module")
def index(statistics: Statistics) -> KeyIndex:
    keys = build_keys(MODEL, locate(MODEL), TOKENIZER, statistics, [FRANCE, HAMLET])
    found = build_index([keys], [2], MODEL.get_input_embeddings())
    assert found is not None
    return found


def heard(
    text: str | Sequence[str],
    index: KeyIndex,
    asked: list[int],
    before: Sequence[Message] = (),
    closing: Closing | None = None,
) -> Heard:
    """What a message means, or each of several of one length, behind a conversation."""
    statistics = index.statistics
    assert statistics.chat is not None
    # The tiny vocabulary has no pronoun; a sign stands for one, and another one for words that ask nothing.
    words = torch.tensor([[*ids_of("#"), 0], [*ids_of("+"), 3], [*ids_of("&"), 4]], dtype=torch.int32)
    chat = replace(statistics.chat, pronouns=words, closing=closing)

    def read(sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        asked.append(len(sequences))
        seen = capture(MODEL, locate(MODEL), statistics.layer, sequences)
        return torch.stack([question_state(each.states[len(chat.start) :]) for each in seen])

    texts = [text] if isinstance(text, str) else text
    ids = torch.tensor([encode_chat(TOKENIZER, [*before, user(each)]) for each in texts])
    embedded = MODEL.get_input_embeddings()(ids).detach()
    seen = torch.ones_like(ids, dtype=torch.bool)
    relations = torch.zeros(*ids.shape, statistics.relation_map.shape[1])
    whole = PromptFeatures(statistics.tokens(embedded), relations, statistics.flags_of(ids, embedded), seen, ids)
    return score_messages(whole, last_reply(ids, seen, chat), index, 0.0, SentenceReader(chat, QUESTIONS, read))


@pytest.mark.parametrize("text", [OTHER, " ", "?!"])
def test_a_message_without_a_subject_is_not_read(index: KeyIndex, text: str) -> None:
    asked: list[int] = []
    found = heard(text, index, asked)
    assert found.scores.max() == -float("inf") and found.meant == ((),) and asked == []


@pytest.mark.parametrize("text", [FRANCE.prompt, f"It was a long day.\n{FRANCE.prompt}\nTell me."])
def test_a_question_means_the_same_wherever_it_stands(index: KeyIndex, text: str) -> None:
    alone, found = heard(FRANCE.prompt, index, []), heard(text, index, [])
    assert alone.scores.max() > 0 and int(found.best) == 0
    # What is read is the question's own line.
    ((meant,),) = found.meant
    assert meant._replace(heard=()) == Meant(0, 0, int(index.stops[0]))
    assert TOKENIZER.decode(meant.heard).strip() == FRANCE.prompt
    assert float(found.scores.max()) == pytest.approx(float(alone.scores.max()), abs=1e-3)


@pytest.mark.parametrize("order", [(FRANCE, HAMLET), (HAMLET, FRANCE)])
def test_two_questions_are_both_meant_in_their_order(index: KeyIndex, order: tuple[Edit, Edit]) -> None:
    found = heard("\n".join(edit.prompt for edit in order), index, [])
    assert [edit.edit for edit in found.meant[0]] == [(FRANCE, HAMLET).index(edit) for edit in order]
    # Asked twice, it is said once.
    assert len(heard(f"{FRANCE.prompt}\n{FRANCE.prompt}", index, []).meant[0]) == 1


def test_subject_and_question_stand_in_one_sentence(index: KeyIndex) -> None:
    asked: list[int] = []
    found = heard(f"France was in the news.\n{OTHER}", index, asked)
    # What is read is the sentence with the subject, and the whole message; not the question about something else.
    assert asked == [1, 1] and found.scores.max() < 0 and found.meant == ((),)


@pytest.mark.parametrize("where", ["message", "conversation", "reply"])
def test_a_subject_may_have_been_named_before(index: KeyIndex, where: str) -> None:
    named, asked = "I was in France.", "What is the capital of#?"
    yes: Message = {"role": "assistant", "content": "Yes!"}
    chats: dict[str, tuple[str, list[Message]]] = {
        "message": (f"{named}\n{asked}", []),
        "conversation": (asked, [user(named), yes]),
        "reply": (asked, [user("Where?"), {"role": "assistant", "content": named}]),
    }
    text, chat = chats[where]
    found, alone = heard(text, index, [], chat), heard(FRANCE.prompt, index, [])
    assert found.meant == alone.meant and int(found.best) == 0 and float(found.scores.max()) > 0
    assert TOKENIZER.decode(found.meant[0][0].heard) == FRANCE.prompt
    # Two turns ago it is over, and without a pronoun nothing is meant.
    assert heard(asked, index, [], [user(named), yes, user(OTHER), yes]).meant == ((),)
    assert heard(OTHER, index, [], [user(named), yes]).meant == ((),)


def test_a_sentence_that_names_two_things_is_read_clause_by_clause(index: KeyIndex) -> None:
    asked = [edit.prompt.rstrip("?") for edit in (FRANCE, HAMLET)]
    found = heard(f"{asked[0]}& {asked[1]}?", index, [], closing=ends(-1.0, index))
    assert [(edit.edit, edit.ends) for edit in found.meant[0]] == [(0, False), (1, True)]
    # One that names a single thing is read as a whole.
    lengths: list[int] = []
    heard(f"{asked[0]}& {OTHER}", index, lengths)
    assert lengths == [1]


@pytest.mark.parametrize("where", ["message", "conversation"])
def test_a_name_alone_asks_what_was_asked_before(index: KeyIndex, where: str) -> None:
    asked = FRANCE.prompt.replace("France", "Hamlet")
    alone = heard(asked.replace("Hamlet", "France"), index, [])
    yes: Message = {"role": "assistant", "content": "Yes!"}
    text, chat = (f"{asked}\n+ France?", []) if where == "message" else ("+ France?", [user(asked), yes])
    found = heard(text, index, [], chat)
    assert [edit.edit for edit in found.meant[0]] == [0]
    assert TOKENIZER.decode(found.meant[0][0].heard) == TOKENIZER.decode(alone.meant[0][0].heard)
    # What was asked of a thing without an edit counts too.
    unknown = FRANCE.prompt.replace("France", "Peter")
    assert [edit.edit for edit in heard("+ France?", index, [], [user(unknown), yes]).meant[0]] == [0]
    # A sentence that asks something itself is taken by its own words, and nothing is taken from two turns ago.
    assert heard("# France?", index, [], chat).meant == ((),)
    assert heard("+ France?", index, [], [*chat, user(OTHER), yes]).meant == ((),)


def ends(text: float, index: KeyIndex, nothing: float = -1.0) -> Closing:
    """A closing for which each message asks for a text, or none, and each sentence for nothing, or none does."""
    width = len(index.statistics.relation_mean)
    manner = torch.zeros(2, 2 * width + 1)
    manner[:, -1] = torch.tensor([text, nothing])
    return Closing(manner, torch.zeros(width))


@pytest.mark.parametrize(
    ("text", "ended", "quiet"),
    [
        (FRANCE.prompt, [True], [True]),
        (f"{FRANCE.prompt}\n{HAMLET.prompt}", [False, True], [False, True]),
        # What else a message says counts only where it may ask for something.
        (f"{FRANCE.prompt}\n{OTHER}", [False], [True]),
        (f"It was a long day.\n{FRANCE.prompt}", [False], [True]),
    ],
)
def test_a_reply_ends_where_nothing_else_was_asked_for(
    index: KeyIndex, text: str, ended: list[bool], quiet: list[bool]
) -> None:
    def found(closing: Closing | None) -> list[bool]:
        return [edit.ends for edit in heard(text, index, [], closing=closing).meant[0]]

    assert found(ends(-1.0, index)) == ended
    assert found(ends(-1.0, index, nothing=1.0)) == quiet
    # It goes on where a text was asked for, and where nobody knows how the model ends a reply.
    assert found(ends(1.0, index)) == found(None) == [False] * len(ended)
    asked = heard(text, index, [], closing=ends(1.0, index)).meant[0]
    assert all(edit.text for edit in asked)
    assert not any(edit.text for edit in heard(text, index, [], closing=ends(-1.0, index)).meant[0])


def test_what_names_the_subject_of_a_later_pronoun_may_ask_for_something_itself(index: KeyIndex) -> None:
    text = "Write a poem about France.\nWhat is the capital of#?"
    (meant,) = heard(text, index, [], closing=ends(-1.0, index)).meant[0]
    assert meant.edit == 0 and not meant.ends
    (meant,) = heard(text, index, [], closing=ends(-1.0, index, nothing=1.0)).meant[0]
    assert meant.edit == 0 and meant.ends


def test_a_request_for_a_text_is_read_aspect_by_aspect(index: KeyIndex) -> None:
    request = "Once there was a king who came from France, a poem& What is the capital of#&"
    asked: list[int] = []
    found = heard(request, index, asked, closing=ends(1.0, index))
    # The request, and of its clauses the one with a pronoun, with the subject in its place.
    assert asked == [1, 1]
    (meant,) = found.meant[0]
    assert meant.text and meant.edit == 0 and TOKENIZER.decode(meant.heard) == request
    assert float(found.scores.max()) > 0
    # However much is asked for in front of it, or in other rows.
    many = heard(
        [request.replace("a poem", " ".join(["a poem& # is old&"] * 7))] * 3, index, [], closing=ends(1.0, index)
    )
    assert [[edit.edit for edit in row] for row in many.meant] == [[0]] * 3
    # A question is read as a whole.
    assert heard(request, index, [], closing=ends(-1.0, index)).meant == ((),)
