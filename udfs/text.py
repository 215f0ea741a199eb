"""Numbers out of text, strictly: whatever is not plainly one becomes null, and nothing raises."""

from __future__ import annotations

import re

from pyspark.sql import Column
from pyspark.sql import functions as F

from udfs.phone_lengths import possible_pattern

POSSIBLE_NUMBER = possible_pattern()
# What people and systems put between digits; the library phonenumbers takes the same for punctuation.
_BETWEEN = (
    r"[\s\-./()\[\]~\u00a0\u00ad\u2000-\u200b\u202f\u2010-\u2015\u2053\u2060\u2212\u223c\u3000\u30fc"
    r"\uff08\uff09\uff0d-\uff0f\uff3b\uff3d\uff5e]"
)
_INTEGER = r"^[+-]?[0-9]{1,18}(\.0*)?$"
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"


def clean(column: Column) -> Column:
    """Text without outer blanks; an empty text is null."""
    trimmed = F.trim(column)
    return F.when(trimmed != "", trimmed)


def integer(column: Column, kind: str = "int") -> Column:
    """Whole number from text: ``7`` and ``7.0`` (as pandas writes it beside gaps), but not ``7.5`` or ``7,0``."""
    return F.when(column.rlike(_INTEGER), F.regexp_replace(column, r"\.0*$", "")).try_cast(kind)


def number(column: Column) -> Column:
    """Decimal number from text with a point: no decimal comma, no ``NaN``, ``Infinity`` or ``1d``."""
    return F.when(column.rlike(_NUMBER), column).try_cast("double")


def e164(column: Column, country: str = "49", trunk: str = "0") -> Column:
    """Phone number in E.164, or null where it cannot be read as one.

    Reads ``+49…``, ``0049…``, ``0…``, ``+49 (0) …`` and ``49…`` (as networks write it), with blanks,
    dashes, dots, slashes and brackets anywhere. A number with neither prefix is not guessed at; one that
    can exist nowhere, for its country code or its length, is none. The tests hold this against the library
    phonenumbers, with one difference: ``49171…`` is the number as networks write it, not one of Emden.

    Args:
        column: Number as delivered.
        country: Country code of numbers written without one.
        trunk: Digit dialled before national numbers, which E.164 leaves out; empty where there is none (Italy).

    Returns:
        ``+`` and 7 to 15 digits, as many as the country code may have.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,2}", country) or not re.fullmatch(r"[0-9]?", trunk):
        raise ValueError(f"not a country code and trunk prefix: {country!r}, {trunk!r}")
    written = F.regexp_replace(column, r"\(0\)", "") if trunk == "0" else column
    digits = F.regexp_replace(written, _BETWEEN, "")
    national = rf"^{trunk}[1-9]" if trunk else r"^[0-9]"
    whole = (
        F.when(digits.rlike(r"^\+[0-9]+$"), digits)
        .when(digits.rlike(r"^00[1-9][0-9]+$"), F.concat(F.lit("+"), F.substring(digits, 3, 99)))
        .when(digits.rlike(rf"^{country}[1-9][0-9]{{7,12}}$"), F.concat(F.lit("+"), digits))
        .when(
            digits.rlike(rf"{national}[0-9]+$"),
            F.concat(F.lit("+" + country), F.substring(digits, 1 + len(trunk), 99)),
        )
    )
    if trunk:
        whole = F.regexp_replace(whole, rf"^\+{country}{trunk}", f"+{country}")
    return F.when(whole.rlike(POSSIBLE_NUMBER), whole)


def mobile_country(imsi: Column) -> Column:
    """Mobile country code (200 to 799) from the first three digits of an IMSI; null for hashed identities."""
    code = F.when(F.length(imsi) <= 15, F.substring(imsi, 1, 3)).try_cast("smallint")
    return F.when(code.between(200, 799), code)
