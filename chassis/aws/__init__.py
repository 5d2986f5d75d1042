"""Clients with bounded time-outs, checked answers, paged reads, and whether the endpoint is an emulator."""
