"""Data: stores of clips and features, their splits, and the feeders that make batches of them."""
