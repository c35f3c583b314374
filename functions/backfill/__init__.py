"""AWS Lambda function that plans and finishes runs over whole prefixes."""
