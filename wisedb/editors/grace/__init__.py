"""GRACE (Hartvigsen et al. 2023, "Aging with GRACE"): a codebook beside one layer, no weight is changed."""
