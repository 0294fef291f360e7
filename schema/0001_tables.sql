-- The index: derived from the objects, never the only place of anything. Numbers stand for ids inside it, so that a list
-- of ten thousand edits takes ten thousand small integers. No keys and no indexes: they double the file and are slower
-- to build than every scan that they would save.

CREATE TABLE commits (
    number INTEGER,            -- parents have smaller numbers than their children
    id VARCHAR,
    parents VARCHAR[],
    first_parent INTEGER,      -- its number, NULL for a first commit
    other_parents INTEGER[],
    generation INTEGER,        -- 1 for a first commit, else one more than the largest of its parents
    author VARCHAR,
    date VARCHAR,
    message VARCHAR,
    editor VARCHAR,
    seed VARCHAR,              -- as text: a seed may be larger than any integer column
    edits_added INTEGER,
    edits_reverted INTEGER,
    memories INTEGER[],        -- numbers of memory versions, in the commit's order
    scores VARCHAR             -- JSON: what was measured right after the edit, or NULL
);

CREATE TABLE edits (
    number INTEGER,
    id VARCHAR,
    prompt VARCHAR,
    target VARCHAR,
    subject VARCHAR,
    ground_truth VARCHAR,
    rephrases VARCHAR[],
    locality_prompts VARCHAR[],
    locality_answers VARCHAR[],
    source VARCHAR,
    reason VARCHAR,
    tags VARCHAR[],
    message_roles VARCHAR[],   -- of the conversation before the prompt
    message_contents VARCHAR[],
    portability_prompts VARCHAR[],
    portability_answers VARCHAR[],
    key VARCHAR,               -- the prompt, normalised
    words VARCHAR              -- the different words of prompt, rephrases and subject, a space around each
);

CREATE TABLE changes (
    commit INTEGER,
    position INTEGER,
    edit INTEGER,
    action VARCHAR             -- added, reverted, or recorded (introduced without being in force)
);

CREATE TABLE memories (
    number INTEGER,
    id VARCHAR,                -- the blob that changes from version to version
    memory VARCHAR,            -- what stays the same: a shard's mask
    kind VARCHAR,
    threshold DOUBLE,
    bytes BIGINT,
    edits INTEGER[]            -- in force, in the order of the memory
);
