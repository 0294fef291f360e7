"""Facts in the context: retrieval by keys, after Lewis et al. 2020, and no training."""
