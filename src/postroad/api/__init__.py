"""HTTP: the guards of the server, and one module for each dialect."""
