"""Egress workers as containers of one Docker host: started and stopped as sessions come and go.

For docker compose alone; other platforms scale by themselves. `core` decides, `engine` speaks to
the Docker API, `fleet` brings them together. What carries no label of ours is never touched.
"""
