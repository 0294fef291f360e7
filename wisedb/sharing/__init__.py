"""Packs, remotes and what travels between stores. Knows the store, never a model."""
