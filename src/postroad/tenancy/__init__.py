"""Who may send: developers, apps, users, tokens, API keys, relays, and the checks in order."""
