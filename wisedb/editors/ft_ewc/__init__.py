"""FT-EWC: fine-tuning with elastic weight consolidation (Kirkpatrick et al. 2017) over the earlier edits."""
