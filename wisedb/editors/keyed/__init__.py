"""WISE: side memory, knowledge shards, activation routing (Wang et al., NeurIPS 2024)."""
