"""Which worker takes which mix and which egress session.

Hears CONFERENCE (started, call ended, ended), ROUTING (`CallRouted`), EGRESS (destinations that are
handed over), the workers' heartbeats and what is configured of the locations.
Writes assignments, releases and refusals to SCHEDULER; the workers carry them out.
"""
