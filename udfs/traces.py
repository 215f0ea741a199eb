"""Traces of a line in any value or file: what a scan looks for, and what bytes hold, in the same plain forms.

All forms are text without signs: digits as written, keyed hashes as 64 upper-case hexadecimal digits or as 43
characters of standard base64 without padding. So one equi-join holds a file of any size against any number of lines.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

MIN_LENGTH = 7
"""Shorter than the shortest phone number (E.164, with its country code): no trace."""

HASH_BYTES = 32
_PLAIN = r"^\+?[0-9]{7,15}$"
_DIGITS = r"([0-9]{7,})"
_SPELLED = r"([0-9]+(?:[ \u00a0()/.\-]{1,3}[0-9]+)+)"
# Looked for at every offset: hashes may be glued to other characters, and cannot match by chance.
_HEX = r"(?=([0-9A-Fa-f]{64}))"
_BASE64 = r"(?=([A-Za-z0-9+/_\-]{43}))"


def traces(content: Column) -> Column:
    """Everything in some bytes that may be a phone number, a SIM or a keyed hash.

    Numbers count where they stand by themselves between other characters, or spelled with blanks, dashes, dots,
    slashes and parentheses; inside longer numbers they would be found by chance. Bytes that are no text are also
    taken for raw hashes, at every offset.

    Args:
        content: Binary; of text, its bytes.

    Returns:
        Array of text, with repeats; empty for what is too short.
    """
    text = content.cast("string")
    is_text = F.is_valid_utf8(text)
    length = F.length(content)
    windows = F.transform(
        F.sequence(F.lit(1), length - (HASH_BYTES - 1)),
        lambda start: F.hex(F.substring(content, start, F.lit(HASH_BYTES))),
    )
    raw = F.when(length >= HASH_BYTES, windows).otherwise(_none())
    return (
        F.when(content.isNull() | (length < MIN_LENGTH), _none())
        # Most values of the large tables are one SIM or one pseudonym: all the rest would cost ten times as much.
        .when(is_text & text.rlike(_PLAIN), F.array(F.ltrim(text, F.lit("+"))))
        .when(~is_text & (length == HASH_BYTES), F.array(F.hex(content)))
        .when(is_text, _of_text(text))
        .otherwise(F.concat(_of_text(F.decode(content, "ISO-8859-1")), raw))
    )


def _of_text(text: Column) -> Column:
    digits = F.regexp_extract_all(text, F.lit(_DIGITS), 1)
    spelled = F.transform(
        F.regexp_extract_all(text, F.lit(_SPELLED), 1), lambda found: F.regexp_replace(found, "[^0-9]", "")
    )
    numbers = F.concat(digits, F.filter(spelled, lambda found: F.length(found) >= MIN_LENGTH))
    hexes = F.transform(F.regexp_extract_all(text, F.lit(_HEX), 1), lambda found: F.upper(found))
    base64 = F.transform(F.regexp_extract_all(text, F.lit(_BASE64), 1), lambda found: F.translate(found, "-_", "+/"))
    return F.when(F.length(text) < 43, numbers).otherwise(F.concat(numbers, hexes, base64))


def _none() -> Column:
    return F.array().cast("array<string>")


def number_forms(msisdn: Column, country: str = "49", trunk: str = "0") -> Column:
    """A phone number in E.164 as ``traces`` may find it: international, with ``00``, national, or with ``(0)``.

    Args:
        msisdn: ``+`` and digits.
        country: Country code of numbers that may be written without one.
        trunk: Digit dialled before national numbers.
    """
    digits = F.ltrim(msisdn, F.lit("+"))
    national = F.substring(digits, len(country) + 1, 15)
    forms = F.array(digits, F.concat(F.lit("00"), digits))
    home = F.array(F.concat(F.lit(trunk), national), F.concat(F.lit(country + trunk), national))
    return F.when(digits.startswith(country), F.concat(forms, home)).otherwise(forms)


def hash_forms(digest: Column) -> Column:
    """A 32-byte hash as ``traces`` may find it."""
    return F.array(F.hex(digest), F.rtrim(F.base64(digest), F.lit("=")))
