"""HTTP for people and programs: management API, our own API, events, the page.

Hears the views in KV `conferences`, layouts and stages on `mixer.events.*`, and KV `workers`.
Writes KV `config`, sealed URLs to KV `secrets`, and commands to `conference.commands.<conference>`.
"""
