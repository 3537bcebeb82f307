"""Moving octets: a relay's description, the dialer, TLS, and the SMTP drivers."""
