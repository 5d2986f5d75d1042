"""The web app and the server in front of it: problem documents, OpenAPI, gunicorn."""
