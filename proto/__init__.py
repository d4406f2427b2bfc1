"""Words only: commands, events, views and subjects. Imports nothing but msgspec."""
