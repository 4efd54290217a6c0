"""The CEL with which the API server enforces a gate, one idea a file. Nothing that a tenant writes makes it fail."""
