"""FT-M (Zhang et al. 2024, "A Comprehensive Study of Knowledge Editing"): fine-tuning with the prompt masked."""
