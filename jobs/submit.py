"""Main file for spark-submit, which wants one: the command line with its packages beside it (``--py-files``)."""

from __future__ import annotations

from jobs.cli import main

if __name__ == "__main__":
    main()
