"""The target column: its labels, and which of them mean that the customer left."""
