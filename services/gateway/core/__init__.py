"""What a request means and what an answer looks like. Pure: no I/O, no clock, no randomness."""
