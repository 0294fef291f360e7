"""An answer as it comes about: pieces of text instead of token ids."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from transformers.generation.streamers import BaseStreamer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

_UNFINISHED = "\ufffd"
"""What a tokenizer decodes bytes to of which no letter can be made yet."""


class Pieces(BaseStreamer):  # type: ignore[misc]
    """Hands on what ``generate`` writes in one row: the pieces together are the text, without white space around it.

    Args:
        tokenizer: the model's tokenizer.
        ends: the token ids that end an answer, and are no part of it.
        listen: is called with each piece, never an empty one.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, ends: Collection[int], listen: Callable[[str], object]
    ) -> None:
        self._tokenizer, self._ends, self._listen = tokenizer, ends, listen
        self._ids: list[int] = []
        self._said = 0
        self._begun = False

    def put(self, value: torch.Tensor) -> None:
        """Take the next tokens; the first call brings the prompt."""
        if not self._begun:
            self._begun = True
            return
        self._ids += [token for token in value.flatten().tolist() if token not in self._ends]
        # The rest of a letter may follow; white space is said once something stands behind it.
        self._say(self._text().rstrip(_UNFINISHED))

    def end(self) -> None:
        """Hand on what is left."""
        self._say(self._text())

    def _text(self) -> str:
        # From the first token on: what a token is decoded to depends on those in front of it.
        return str(self._tokenizer.decode(self._ids, skip_special_tokens=True))

    def _say(self, text: str) -> None:
        piece = text.strip()[self._said :]
        if piece:
            self._said += len(piece)
            self._listen(piece)
