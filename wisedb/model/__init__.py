"""The base model, untouched: loaded, recognised, looked into."""
