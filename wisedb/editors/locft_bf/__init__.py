"""LocFT-BF (Yang et al. 2026, "Fine-tuning Done Right in Model Editing"): epochs over all edits, a chosen location."""
