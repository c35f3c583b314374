"""Infrastructure: local emulator, container images, and the builds of the Lambda zips."""
