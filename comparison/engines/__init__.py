"""Where a job runs. One file for each place: a local process group now; others are one more file."""
