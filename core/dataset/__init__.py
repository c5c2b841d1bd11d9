"""Files of any common shape to examples, split without leaks."""
