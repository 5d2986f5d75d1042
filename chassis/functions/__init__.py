"""The processes of a service as AWS Lambda functions."""
