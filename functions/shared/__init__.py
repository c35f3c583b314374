"""Code that more than one function uses: objects, messages, outcomes, records, storage, settings, metrics."""
