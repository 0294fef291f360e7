"""MEMOIR (Wang et al. 2025, "Lifelong Model Editing with Minimal Overwrite and Informed Retention")."""
