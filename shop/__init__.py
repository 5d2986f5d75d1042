"""The command `shop`: runs the shop on this machine without Docker, and operates it here and on AWS."""
