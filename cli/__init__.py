"""The command line, `rostrum`."""
