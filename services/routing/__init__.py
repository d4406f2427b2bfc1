"""Which call routing rule answers a call.

Hears `CallRequested` on CONFERENCE and the rules in KV `config`.
Writes `CallRouted` or `CallRefused` to ROUTING, and a new sealed URL where a rule rewrites one.

To match and rewrite an alias it has to be read, so this service opens sealed URLs in memory;
see docs/adr/0003.
"""
