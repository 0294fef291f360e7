"""The words of a model card.

A Jinja template, which loses its last line end. All that is filled in has been made plain text before.
"""

from __future__ import annotations

from typing import Final

BEGIN: Final = "<!-- wisedb:begin -->"
"""From here on a push writes the card anew; what stands before it is the user's."""

END: Final = "<!-- wisedb:end -->"
"""What stands after it is the user's again."""

TEMPLATE: Final = (
    f"""---
{{{{ card_data }}}}
---

# {{{{ title }}}}

{BEGIN}
"""
    + """## Corrections for {{ base.name }}

This repository corrects what a language model knows. It holds **{{ facts_in_force }} edited \
{{ "fact" if facts_in_force == 1 else "facts" }}** as side memories in the manner of \
[WISE](https://arxiv.org/abs/2405.14768), with their whole history: who changed what, when and why. It was written by \
wisedb, and describes commit `{{ commit[:12] }}` of {{ date }}.

{{ base.story }} The weights of the base model are not in here.

| base model | {{ base.name }} |
| --- | --- |
{%- if base.revision %}
| revision | `{{ base.revision }}` |
{%- endif %}
{%- if base.dequantised_from %}
| dequantised from | {{ base.dequantised_from }} |
{%- endif %}
| fingerprint | `{{ base.fingerprint }}` |
| edited module | {{ base.target }} |

## How to load it

```python
import wisedb

# Each prompt goes to the memory that knows of it, if any does.
model, tokenizer = wisedb.load("{{ source }}"{% if not base.public %}, model="{{ base.place }}"{% endif %})

# One merged memory for all edits.
model, tokenizer = wisedb.load("{{ source }}"{% if not base.public %}, model="{{ base.place }}"{% endif %}, \
mode="merge")
```

The model is a `transformers` model like any other: `generate`, `pipeline` and `Trainer` work. The routing needs \
wisedb: without it `transformers` can't load this repository. `wisedb export --format merged` writes a plain \
checkpoint that needs nothing but `transformers`.

```sh
# The history: log, blame, diff, revert, and corrections of your own.
wisedb clone {{ source }} corrections{% if not base.public %} --model {{ base.place }}{% endif %}
```
{% if scores %}
## How well it works

| | edits | Rel. | Gen. | Loc. | exact match | on rephrases |
| --- | --- | --- | --- | --- | --- | --- |
{%- for row in scores %}
| {{ row.label }} | {{ row.n }} | {{ row.reliability }} | {{ row.generalization }} | {{ row.locality }} | \
{{ row.exact_match }} | {{ row.exact_match_rephrase }} |
{%- endfor %}

Shares from 0 to 1, measured after all edits were written. Rel. and Gen.: target tokens that the model ranks first, \
teacher-forced, on the edits' prompts and on rephrased ones. Loc.: answer tokens to unrelated prompts on which it \
agrees with the unedited model. Exact match: greedy answers, from the prompt alone, that are the target.
{% endif %}
## Facts edited
{% if facts %}
{%- if left_out %}
The newest {{ facts | length }}, and {{ left_out }} more: `wisedb facts` lists them all.
{% endif %}
| prompt | answer now | before | why | who and when |
| --- | --- | --- | --- | --- |
{%- for fact in facts %}
| {{ fact.prompt }} | {{ fact.target }} | {{ fact.before }} | {{ fact.reason }} | {{ fact.who }} |
{%- endfor %}
{% else %}
None yet.
{% endif %}
## Limits

The edits change what the model says, not what is true: they are as right as their sources. Rephrased questions can \
miss the edited answer, conclusions that follow from an edited fact are not drawn, and what the base model may not be \
used for, this one may not either.
"""
    + f"{END}\n\n"
)
