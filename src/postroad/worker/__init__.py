"""The running loop: claim, send, settle, and what a dead process left behind."""
