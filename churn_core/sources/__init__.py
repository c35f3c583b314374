"""Where tables come from: folders of parts, patterns, and addresses of other storage."""
