"""What the lists are found by: which of a chunk's documents have which terms."""
