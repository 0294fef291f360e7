"""WISE as its source describes it (Wang et al., NeurIPS 2024), one formula a file.

| file | what it holds | paper |
| --- | --- | --- |
| ``settings`` | ρ, α, β, γ, η … | §3.1, appendix |
| ``calibrate`` | the same in the units of the model at hand | |
| ``sharding`` | which shard an edit goes to, k random masks | §2.3.2 |
| ``contexts`` | what an edit is asked behind, and what is unrelated | §2.3.1, appendix |
| ``sequences`` | texts as cached states below ΔW | |
| ``losses`` | L_edit, L_a, L_memo | §2.3.1, §2.3.2 |
| ``train`` | the loop: one edit at a time | Algorithm 1 |
| ``threshold`` | ε | §2.3.1 |
| ``merge`` | TIES | §2.3.2 |
"""
