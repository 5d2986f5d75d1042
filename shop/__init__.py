"""The shop on this machine without Docker: an emulator and every process of the shop, started, watched and stopped."""
