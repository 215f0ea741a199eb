"""Stage 3: persons become noised counts over a fixed public domain; makes what may be released."""
