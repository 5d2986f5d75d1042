"""A transport for boto3's clients that needs less CPU than botocore's. SHOP_TRANSPORT=boto3 switches it off."""
