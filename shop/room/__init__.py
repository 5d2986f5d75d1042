"""The machine room: one page that shows the shop's messages as they move, and stops parts of it on request."""
