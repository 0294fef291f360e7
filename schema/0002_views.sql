-- What `wisedb sql` sees. Beside these: refs (name, kind, commit) and scores (commit, name, record). What they are made
-- of lies in the schema `internal`, which may change from version to version.

CREATE VIEW commits AS
    SELECT id, parents, generation, author, date::TIMESTAMP AS date, message, editor, seed, edits_added, edits_reverted
    FROM internal.seen_commits;

CREATE VIEW edits AS
    SELECT id, prompt, target, subject, ground_truth, rephrases, locality_prompts, locality_answers, source, reason, tags,
        message_roles, message_contents, portability_prompts, portability_answers
    FROM internal.seen_edits;

CREATE VIEW changes AS
    SELECT seen_commits.id AS commit, whole_changes.position, whole_edits.id AS edit, whole_changes.action
    FROM internal.whole_changes
    JOIN internal.seen_commits ON seen_commits.number = whole_changes.commit
    JOIN internal.whole_edits ON whole_edits.number = whole_changes.edit;

CREATE VIEW memories AS
    SELECT seen_commits.id AS commit, places.position, whole_memories.memory, whole_memories.kind,
        whole_memories.id AS blob, whole_memories.threshold, whole_memories.bytes, len(whole_memories.edits) AS edits
    FROM (
        SELECT number AS commit, unnest(memories) AS memory, generate_subscripts(memories, 1) AS position
        FROM internal.seen_commits
    ) AS places
    JOIN internal.seen_commits ON seen_commits.number = places.commit
    JOIN internal.whole_memories ON whole_memories.number = places.memory;

-- The edits in force at HEAD.
CREATE VIEW facts AS
    SELECT edits.*
    FROM edits
    JOIN (SELECT id FROM internal.whole_edits WHERE number IN (
        SELECT unnest(whole_memories.edits) FROM internal.whole_memories WHERE whole_memories.number IN (
            SELECT unnest(whole_commits.memories) FROM internal.whole_commits WHERE whole_commits.id IN (
                SELECT refs.commit FROM refs WHERE refs.name = 'HEAD'
            )
        )
    )) AS force ON force.id = edits.id;
