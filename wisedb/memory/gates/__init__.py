"""Which positions a gated memory answers."""
