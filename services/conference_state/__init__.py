"""The truth about conferences: who is in, what is presented, what is being called.

Hears commands on `conference.commands.*` and what ROUTING, SCHEDULER and EGRESS say about calls.
Writes commits to CONFERENCE and, after each, the conference's view to KV `conferences`.
"""
