"""Takes participants' media in, composes pictures and sound, offers feeds.

Hears SCHEDULER (what is assigned to this worker), bids on `mixer.bids`, KV `conferences`, and who
asks for a snapshot on `mixer.snapshots.<worker>`.
Writes MIXER (sources, stage, layouts), KV `feeds`, its heartbeat to KV `workers`, and tells levels
on `mixer.levels.<conference>`.

One process per conference (`python -m services.mixer.conference`).
"""
