"""What runs: one file a job, each with Params, a pure transform, and run."""
