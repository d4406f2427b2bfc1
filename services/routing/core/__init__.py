"""Call routing rules: which one answers a call, and what it makes of it. Pure.

Semantics: Pexip's, docs/call-routing.md.
"""
