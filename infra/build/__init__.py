"""Builds of the Lambda functions and their packages."""
