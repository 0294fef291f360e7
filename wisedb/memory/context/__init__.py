"""Facts that are put into the context of a prompt: found by keys, worded, and read once."""
