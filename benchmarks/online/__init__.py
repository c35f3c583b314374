"""Compare the online API with other servers: cold start, time in the handler, requests over HTTP."""
