"""`shop dlq`: what is in the dead-letter queues, why, and how to put it back."""
