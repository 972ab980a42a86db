"""What each trainer reads, made of the training shards that are there: a family a module, a profile a target.

Nothing is simulated or recognised again: audio and labels are those of the samples.
"""
