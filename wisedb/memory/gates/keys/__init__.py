"""The key gate: which thing a prompt means, and what it asks of it."""
