"""ROME (Meng et al. 2022, "Locating and Editing Factual Associations in GPT"): one edit, one rank."""
