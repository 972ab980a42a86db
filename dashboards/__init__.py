"""Look at a dataset: plots for its card, the summary after a run, the status. Reads manifests, never writes."""
