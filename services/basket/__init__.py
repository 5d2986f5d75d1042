"""The basket service: what a user wants, and the checkout that turns it into an event."""
