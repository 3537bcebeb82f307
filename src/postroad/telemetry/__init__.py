"""What the service tells its operator: log events, metrics, health.

`events` costs nothing to import; `logs.set_up`, `metrics` and `rendering` bring their libraries.
"""
