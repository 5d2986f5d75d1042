"""The ordering service: orders, made from checkouts and read over HTTP."""
