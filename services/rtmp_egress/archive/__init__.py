"""What becomes of recordings: the catalogue, who was in them, the object store, retention.

In the worker's process, which knows the bus. Media is only measured here, never made.
"""
