"""The bus, the transactional outbox and its relay, the queue loop and its consumers."""
