"""One low-rank block an edit, found by the edit's keys: ours. No block depends on another edit."""
