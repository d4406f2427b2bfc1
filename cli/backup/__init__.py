"""`rostrum backup` and `rostrum restore`: what is configured, and if wanted the past, in one file.

    words       what an archive says of itself, and what becomes of each bucket (pure)
    archive     the file: written whole or not at all, read only after all of it has been checked
    buckets     key-value buckets and object stores, off the bus and onto it
    snapshots   event streams, as nats-server gives and takes them
    plan        what a restore would change (pure)
    take, give  the two commands

Addresses stay sealed all the way: nobody needs the key but the cluster that dials.
"""
