"""AWS clients with bounded time-outs and checked responses, paged reads, and detection of emulators."""
