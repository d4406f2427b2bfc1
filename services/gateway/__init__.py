"""HTTP for people and programs: management API, our own API, events, the page.

Hears the views in KV `conferences`, layouts and stages on `mixer.events.*`, levels on
`mixer.levels.*`, and KV `workers` and `feeds`.
Writes KV `config`, sealed URLs to KV `secrets`, and commands to `conference.commands.<conference>`;
asks mixer workers for snapshots.
"""
