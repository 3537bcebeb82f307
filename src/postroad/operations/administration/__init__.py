"""What an operator does: one module for each kind of record, its rules in it."""
