"""The shop's processes on this machine: started in order, watched, and stopped in reverse order."""
