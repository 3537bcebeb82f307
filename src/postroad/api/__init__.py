"""HTTP: the doors through which programs ask for mail to be sent, one module for each dialect."""
