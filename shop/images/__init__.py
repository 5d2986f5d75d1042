"""Builds the images of the services and pushes them to the repositories of the shop on AWS."""
