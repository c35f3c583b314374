"""What scoring costs and how far it grows: figures measured here, list prices, and a simulation on both."""
