"""What makes history: commit, revert, merge, rollback."""
