"""Stage 1: identity goes; movement and profile live apart under a keyed pseudonym."""
