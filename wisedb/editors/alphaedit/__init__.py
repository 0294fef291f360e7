"""AlphaEdit (Fang et al. 2025, "Null-Space Constrained Knowledge Editing for Language Models")."""
