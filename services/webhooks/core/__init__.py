"""What sinks are told, and in which order they are told it; pure."""
