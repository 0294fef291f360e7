"""Three-way merges over facts."""
