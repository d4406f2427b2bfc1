"""Which call routing rule answers a call.

Hears `CallRequested` on CONFERENCE, and the rules and global settings in KV `config`.
Writes `CallRouted` or `CallRefused` to ROUTING, and a new sealed URL where a rule rewrites one.
Answers where a call to us goes (`RouteIncoming`), and where any call would (`TryRules`).

To match and rewrite an alias it has to be read, so this service opens sealed URLs in memory;
see docs/adr/0003.
"""
