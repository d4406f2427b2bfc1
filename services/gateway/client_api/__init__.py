"""Pexip's client REST API: `/api/client/v2/`, for people who take part and need no user for it."""
