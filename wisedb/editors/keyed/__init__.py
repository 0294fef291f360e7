"""Side memories found by keys and fitted in batches: ours, after WISE (Wang et al., NeurIPS 2024)."""
