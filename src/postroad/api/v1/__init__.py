"""The management API, /v1: what an operator can do, for programs."""
