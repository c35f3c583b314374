"""The description of the API (OpenAPI) for the columns of one model."""
