"""Makes the code of the Lambda functions."""
