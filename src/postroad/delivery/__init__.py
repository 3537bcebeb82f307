"""What happens to a message: states, routing, retry and doubt."""
