"""Documents to passages to an index to the passages of a prompt."""
