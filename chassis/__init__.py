"""The microservice chassis: plumbing that every service needs and none owns. See README.md for what may not enter."""
