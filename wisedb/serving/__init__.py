"""A model at a commit: assembled, asked, measured."""
