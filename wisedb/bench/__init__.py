"""Editors compared on one stream of edits: each in a process of its own, measured after every so many edits.

- ``plan``: what is compared, under which conditions; ``environment``: on what
- ``run``: the comparison, editor by editor; ``worker``: the process of one editor; ``child``: how it is spoken with
- ``latency``: what a memory costs at inference; ``run_log``: what a worker has written so far
- ``results``, ``table``, ``plot``: the rows, kept, as text and as pictures
"""
