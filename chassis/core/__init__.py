"""Errors, fields, strict JSON, deadlines, events and logs. Imports neither Flask nor boto3."""
