"""Staging, publication in one commit, the privacy ledger; touches noised figures only."""
