"""Write a model bundle and keep its predecessor."""
