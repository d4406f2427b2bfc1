"""Plumbing without a domain word: NATS, events, KV, config, logs, traces, secrets, media link."""
