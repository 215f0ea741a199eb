"""A synthetic operator on a real or built-in city, with the truth beside it."""
