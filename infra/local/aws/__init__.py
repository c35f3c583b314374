"""What plays AWS on this machine: Lambda, its queue poller, API Gateway, and moto for all other services."""
