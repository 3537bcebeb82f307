"""What programs can ask of Postroad beside sending: who asks, what he reaches, and what is kept."""
