"""The processes' log files, followed as one stream."""
