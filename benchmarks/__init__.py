"""Scripts that measure Bakeoff against what one would use instead, in one process and in turns."""
