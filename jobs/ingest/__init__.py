"""From the landing directory into restricted and reference tables: parse, gate, quarantine."""
