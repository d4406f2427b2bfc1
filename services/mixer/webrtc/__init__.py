"""People who take part by browser: their calls, carried by aiortc.

May know aiortc, asyncio and sockets; knows no NATS. All of it runs in a conference's process.
"""
