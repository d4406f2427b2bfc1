"""Programs that look for input that breaks a parser, for as long as they are given."""
