"""The embedded emulator: MiniStack behind a guard, with complete saves of its data."""
