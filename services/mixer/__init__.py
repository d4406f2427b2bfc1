"""Takes participants' media in, composes pictures and sound, offers feeds.

Hears SCHEDULER (what is assigned to this worker), bids on `mixer.bids`, KV `conferences`.
Writes MIXER (sources, stage, layouts), KV `feeds` and its heartbeat to KV `workers`.

One process per conference (`python -m services.mixer.conference`).
"""
