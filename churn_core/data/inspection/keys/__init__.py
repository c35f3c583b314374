"""Keys of a table: the id of a customer, and keys that several rows share."""
