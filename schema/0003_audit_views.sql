-- What auditors ask, as stable views (docs/audit.md): columns are only added, under new names. Beside them there are the
-- tables reflog and signatures, made like refs and scores at each query from what the store holds, and internal.since
-- (edit, commit): which commit brought each fact in force at HEAD.

-- The facts in force at HEAD, each with the commit that brought it.
CREATE VIEW facts_in_force AS
    SELECT facts.*, since.commit, whole_commits.author, whole_commits.date::TIMESTAMP AS date, whole_commits.message
    FROM facts
    LEFT JOIN internal.since ON since.edit = facts.id
    LEFT JOIN internal.whole_commits ON whole_commits.id = since.commit;

-- Every turn of every fact: what a commit brought into force or put out of it. What a merge took over from another line
-- is told where it happened, and once more at the merge, with `merge` true.
CREATE VIEW facts_history AS
    SELECT seen_commits.date::TIMESTAMP AS date, seen_commits.id AS commit, seen_commits.author, seen_commits.message,
        len(seen_commits.parents) > 1 AS merge, whole_changes.action, whole_changes.position,
        whole_edits.id AS edit, whole_edits.prompt, whole_edits.target, whole_edits.subject, whole_edits.ground_truth,
        whole_edits.reason, whole_edits.source, whole_edits.tags
    FROM internal.whole_changes
    JOIN internal.seen_commits ON seen_commits.number = whole_changes.commit
    JOIN internal.whole_edits ON whole_edits.number = whole_changes.edit
    WHERE whole_changes.action <> 'recorded';
