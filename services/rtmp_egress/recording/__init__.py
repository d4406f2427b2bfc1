"""Recording, as one kind of destination: the tags that are pushed elsewhere, muxed into MP4 files.

In the session's process. Knows media, threads and files, and nothing of NATS; what is made of the
files afterwards is `services.rtmp_egress.archive`'s.
"""
