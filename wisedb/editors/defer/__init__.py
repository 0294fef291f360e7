"""Defer, the baseline of Hartvigsen et al. 2023 ("Aging with GRACE") after SERAC: a gate and a layer beside a model."""
