"""Exports of the event log: read them, tell what is in them, compare two. Pure but for the file.

Knows the words of `proto` and no rule of any service.
"""
