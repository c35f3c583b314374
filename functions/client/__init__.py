"""What people do with the deployed stack: find scores, look after what could not be scored."""
