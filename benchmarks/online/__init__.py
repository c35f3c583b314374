"""The online API beside its peers: cold start, time in the handler, requests over HTTP."""
