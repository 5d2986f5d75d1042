"""`shop trace`: the spans of one order or one request, from all processes, as a waterfall."""
