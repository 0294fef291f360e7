"""FT-L (Zhu et al. 2020, "Modifying Memories in Transformer Models"): fine-tuning within an L∞ ball."""
