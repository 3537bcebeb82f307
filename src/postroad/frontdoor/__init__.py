"""The front door: what `import postroad` offers, composed from the rooms behind it."""
