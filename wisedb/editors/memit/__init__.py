"""MEMIT (Meng et al. 2023, "Mass-Editing Memory in a Transformer"): many facts at once, spread over several layers."""
