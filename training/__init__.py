"""Examples to weights: one loop under accelerate, and a table of trainable kinds."""
