"""Takes feeds, encodes each once per rendition, pushes them to RTMP(S) destinations.

Hears SCHEDULER (what is assigned to this worker), bids on `egress.bids`, KV `feeds`.
Writes EGRESS (what became of the destinations) and its heartbeat to KV `workers`.

One process per session (`python -m services.rtmp_egress.session`); only that opens sealed URLs.
"""
