"""Keyed pseudonyms in native expressions: HMAC-SHA256 (RFC 2104, FIPS 198-1) over a key held in a one-row frame."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

BLOCK_BYTES = 64
KEY_BYTES = 32


def pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer pad of a key, ready to travel in a frame.

    Raises:
        ValueError: The key is not 256 bits long.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    block = key.ljust(BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def hmac_sha256(inner: Column, outer: Column, message: Column) -> Column:
    """HMAC-SHA256 of a text message as 32 bytes.

    Args:
        inner: Key XOR ipad, 64 bytes. Never compare or cast a pad: an error would print it.
        outer: Key XOR opad, 64 bytes.
        message: Text, hashed as UTF-8; null gives null.
    """
    digest = F.unhex(F.sha2(F.concat(inner, F.encode(message, "UTF-8")), 256))
    return F.unhex(F.sha2(F.concat(outer, digest), 256))
