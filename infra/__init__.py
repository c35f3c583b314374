"""Infrastructure: the local stack, the container images, and the builds of the Lambda functions."""
