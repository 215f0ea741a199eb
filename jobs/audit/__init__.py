"""Records for the privacy officer: runs, receipts, key events, quality, benchmarks."""
