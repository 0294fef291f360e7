"""A Hugging Face Hub over HTTP on loopback, for the real ``huggingface_hub`` client: see :mod:`tests.hub.server`."""
