"""Plays an exported log into a stack of its own and compares what comes out.

What was asked is asked again by the log's clock, what routing said is said again, and everything
else is done anew: decisions, assignments, layouts, streams. Instead of the media that the log names
there are flat colours and tones, instead of the destinations a server of our own that fails where
they failed.
"""
