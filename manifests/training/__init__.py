"""Training samples as arrays, in an order that a seed tells, for the ranks and workers of a training."""
