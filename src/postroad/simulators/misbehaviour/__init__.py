"""A server that misbehaves on demand: `behaviours` says how, `dialogue` does it to the octet."""
