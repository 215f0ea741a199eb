"""Stage 2: precision goes; tiles, footprints, stays and drawn positions."""
