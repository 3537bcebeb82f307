"""What can be asked of Postroad; its doors are the HTTP API, the command line and the console."""
