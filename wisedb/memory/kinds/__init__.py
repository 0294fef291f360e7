"""How a memory changes a forward pass, one file a kind."""
