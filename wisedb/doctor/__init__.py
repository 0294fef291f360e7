"""Is everything here that wisedb needs: what is installed, the machine, the store, its base model. Changes nothing."""
