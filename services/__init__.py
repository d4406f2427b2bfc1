"""The services. They never import one another: they meet on NATS only."""
