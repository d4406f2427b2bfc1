"""The client side of RTMP as a state machine: bytes in, events and bytes out.

Knows no sockets, no clock and no randomness; what it needs of them it is given. Nothing in
here may hold a stream key or a password in a text meant for people: see `errors.scrub`.
"""
