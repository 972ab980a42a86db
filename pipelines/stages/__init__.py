"""One stage, one file. A stage is a function from one shard to one part; it never imports Ray."""
