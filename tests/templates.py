"""Chat templates of the structure that families of models have, and tiny tokenizers for them."""

from __future__ import annotations

from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from tests.models import tiny_chat_tokenizer

_CHATML_SIGNS = ("<|im_start|>", "<|im_end|>")
_TURN = "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"

QWEN25 = (
    "{%- if messages[0].role != 'system' %}{{- '<|im_start|>system\\nBe of help.<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}" + _TURN + "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
# Replies to earlier questions lose their thoughts; the last one has one, be it empty.
_THOUGHTS = (
    "{%- set ns = namespace(last=0) %}"
    "{%- for message in messages %}{%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}"
    "{%- endfor %}"
    "{%- for message in messages %}{%- if message.role == 'assistant' %}"
    "{%- set said = message.content.split('</think>')[-1].lstrip('\\n') %}"
    "{%- set thought = message.reasoning_content if message.reasoning_content is string else '' %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if loop.index0 > ns.last %}{{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}{%- endif %}"
    "{{- said + '<|im_end|>\\n' }}"
    "{%- else %}" + _TURN + "{%- endif %}{%- endfor %}"
)
QWEN3 = (
    _THOUGHTS + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{%- endif %}"
)
# It always thinks: the template begins the thought.
THINKING = _THOUGHTS + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
LLAMA3 = (
    "{{- '<s>' }}"
    "{%- if not date_string is defined %}{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}"
    "{%- if messages[0].role == 'system' %}{%- set told = messages[0].content | trim %}"
    "{%- set messages = messages[1:] %}{%- else %}{%- set told = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' }}"
    "{{- 'Today Date: ' + date_string + '\\n\\n' + told + '<|eot_id|>' }}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"
)
MISTRAL = (
    "{{- '<s>' }}{%- for message in messages %}"
    "{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('Roles must alternate user/assistant') }}{%- endif %}"
    "{%- if message.role == 'user' %}{{- '[INST] ' + message.content + ' [/INST]' }}"
    "{%- else %}{{- ' ' + message.content + eos_token }}{%- endif %}{%- endfor %}"
)
GEMMA = (
    "{{- '<s>' }}{%- set first = '' %}"
    "{%- if messages[0].role == 'system' %}{%- set first = messages[0].content + '\\n\\n' %}"
    "{%- set messages = messages[1:] %}{%- endif %}"
    "{%- for message in messages %}"
    "{%- set role = 'model' if message.role == 'assistant' else message.role %}"
    "{{- '<start_of_turn>' + role + '\\n' + (first if loop.first else '') }}"
    "{{- message.content | trim + '<end_of_turn>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"
)
PHI3 = (
    "{%- for message in messages %}{{- '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}"
)
ZEPHYR = (
    "{%- for message in messages %}{{- '<|' + message.role + '|>\\n' + message.content + eos_token + '\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}"
)


@dataclass(frozen=True)
class Family:
    """A family's template.

    Attributes:
        template: the template.
        signs: the special tokens in it, the one that ends a turn last.
        kept: tokens of its own that a decoder keeps.
        system: whether it takes a system message.
        architecture: of a tiny model for it, as :func:`tests.models.tiny_model` calls it.
    """

    template: str
    signs: tuple[str, ...]
    kept: tuple[str, ...] = ()
    system: bool = True
    architecture: str = "llama"

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """A tiny tokenizer with the template."""
        return tiny_chat_tokenizer(self.template, self.signs, self.kept)


_THINK = ("<think>", "</think>")
FAMILIES = {
    "qwen2.5": Family(QWEN25, _CHATML_SIGNS, architecture="qwen2"),
    "qwen3": Family(QWEN3, _CHATML_SIGNS, _THINK, architecture="qwen3"),
    "thinking": Family(THINKING, _CHATML_SIGNS, _THINK, architecture="qwen3"),
    "llama3": Family(LLAMA3, ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")),
    "mistral": Family(MISTRAL, ("[INST]", "[/INST]", "</s>"), system=False, architecture="mistral"),
    # As Llama 2's: no sign is a token of its own.
    "plain signs": Family(MISTRAL, ("</s>",), system=False),
    "gemma": Family(GEMMA, ("<start_of_turn>", "<end_of_turn>"), architecture="gemma"),
    "phi3": Family(PHI3, ("<|user|>", "<|assistant|>", "<|system|>", "<|end|>"), architecture="phi3"),
    "zephyr": Family(ZEPHYR, ("</s>",), architecture="mistral"),
}
