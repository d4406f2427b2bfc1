"""Takes feeds, encodes each once per rendition, pushes them to RTMP(S) destinations, records.

Hears SCHEDULER (what is assigned to this worker), bids on `egress.bids`, KV `feeds`, `conferences`,
`recordings` (what is to be deleted).
Writes EGRESS (what became of the destinations), KV `recordings`, its heartbeat to KV `workers`.

One process per session (`python -m services.rtmp_egress.session`); only that opens sealed URLs.
"""
