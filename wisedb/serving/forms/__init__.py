"""Two standing tables of how people write, made for any edits.

- ``form``: one form; ``others``: what an edit needs from the edits beside it; ``wording``: a prompt written differently
- ``how_asked``: "how it is asked", forms in which an edit's fact is asked
- ``must_not_fire``: "what must not fire", forms in which it isn't
- ``measure``: both tables of a commit; ``figures``: what comes out
"""
