"""The bus, the transactional outbox and its relay, and the consumers of queues."""
