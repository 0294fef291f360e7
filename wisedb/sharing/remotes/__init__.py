"""Where packs are: folders, object stores, the Hugging Face Hub."""
