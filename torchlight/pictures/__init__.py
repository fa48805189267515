"""Pictures of a run and of its results, as PNG files."""
