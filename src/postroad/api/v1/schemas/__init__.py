"""The shapes of requests and answers; what they mean is decided by the operations."""
