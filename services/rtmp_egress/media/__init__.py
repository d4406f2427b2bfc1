"""The stages between a feed and a destination: encoder, FLV muxer, tag bus, publisher.

They know media and sockets, and nothing of NATS.
"""
