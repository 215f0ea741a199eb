"""The commands of the command line, one module a theme; ``jobs/cli.py`` lists them."""
