"""`shop doctor`: examines a deployed shop and sends test messages through it."""
