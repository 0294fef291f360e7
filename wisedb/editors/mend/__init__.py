"""MEND (Mitchell et al. 2022, "Fast Model Editing at Scale"): a network turns an edit's gradient into its change."""
