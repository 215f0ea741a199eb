"""The consent ledger and the rule that decides which event may serve which purpose."""
