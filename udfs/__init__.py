"""Column functions, Column -> Column, native expressions only."""
