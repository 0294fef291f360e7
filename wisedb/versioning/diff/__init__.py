"""What differs between two commits: facts, tensors, answers."""
