"""Build, check and list the Lambda zips."""
