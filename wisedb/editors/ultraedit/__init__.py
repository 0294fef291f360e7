"""UltraEdit (Gu et al. 2025): no training, one backward pass an edit and one linear solve a batch."""
