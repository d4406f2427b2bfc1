"""Tells event sinks by HTTP what happens: signed, at least once, in the order of each conference.

Hears every event on CONFERENCE, WEBHOOKS, KV `recordings`, and the event sinks in KV `config`.
Writes what there is to tell to WEBHOOKS, and to KV `webhooks` how far each sink is.
Answers `ProbeSink` and `Redeliver`.

Any number of replicas share the sinks; see docs/adr/0034.
"""
