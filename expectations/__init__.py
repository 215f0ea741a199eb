"""Contracts, one file a table, and the gate that holds data against them."""
