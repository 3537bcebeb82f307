"""The SMTP language without a socket: commands, replies, extensions, SASL and the session."""
