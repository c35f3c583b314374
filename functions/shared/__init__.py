"""What more than one function uses: objects, messages, outcomes, records, storage, environment."""
