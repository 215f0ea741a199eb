"""Numbers as people write them, held against the library phonenumbers."""

from __future__ import annotations

import random
import re

import phonenumbers
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from udfs.phone_lengths import possible_pattern
from udfs.text import e164

BETWEEN = ["", " ", "-", "/", ".", " - ", "\u00a0", "\u2013", "\u2011"]
ABROAD = {"43": "660", "41": "79", "33": "6", "31": "6", "48": "60", "1": "650", "90": "532", "380": "67", "30": "69"}


def _spelled(draw: random.Random, code: str, national: str) -> str:
    """One of the ways in which a German customer writes a number."""
    cuts = sorted(draw.sample(range(1, len(national)), min(draw.randrange(4), len(national) - 1)))
    parts = [national[a:b] for a, b in zip([0, *cuts], [*cuts, len(national)], strict=True)]
    gap = draw.choice(BETWEEN)
    home = ["+49 (0)", "0049 (0) ", "+49(0)", "0", "0"] if code == "49" else []
    prefix = draw.choice([f"+{code}", f"+{code} ", f"00{code}", f"00 {code} ", f"+{code}-", *home])
    if draw.random() < 0.2 and (prefix == "0" or not prefix.endswith("0")):
        return ("(0" if prefix == "0" else prefix + "(") + parts[0] + ") " + gap.join(parts[1:])
    return prefix + gap.join(parts)


def _by_library(written: str) -> str | None:
    try:
        number = phonenumbers.parse(written, "DE")
    except phonenumbers.NumberParseException:
        return None
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    fits = re.fullmatch(r"\+[1-9][0-9]{6,14}", found)
    return found if fits and phonenumbers.is_possible_number(number) else None


def test_spellings_read_as_the_library_reads_them(spark: SparkSession) -> None:
    draw = random.Random(11)
    written = set()
    for _ in range(6_000):
        abroad = draw.random() < 0.25
        code = draw.choice(list(ABROAD)) if abroad else "49"
        area = ABROAD[code] if abroad else draw.choice(["15", "16", "17", "30", "40", "89", "6221", "39452"])
        rest = "".join(draw.choice("0123456789") for _ in range(draw.choice([2, 4, 6, 7, 8, 8, 9, 10, 12])))
        written.add(_spelled(draw, code, area + rest))
    rows = spark.createDataFrame([(w,) for w in sorted(written)], "written string")
    found = {row[0]: row[1] for row in rows.select("written", e164(F.col("written"))).collect()}
    want = {w: _by_library(w) for w in written}
    assert {w: (found[w], want[w]) for w in written if found[w] != want[w]} == {}
    # Both kinds occur, so that the comparison can fail either way.
    assert min(sum(v is None for v in want.values()), sum(v is not None for v in want.values())) > 300


@pytest.mark.parametrize("digits", range(2, 15))
def test_lengths_are_the_librarys(digits: int) -> None:
    pattern = re.compile(possible_pattern())
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    for code in range(1, 1000):
        number = phonenumbers.PhoneNumber(country_code=code, national_number=10 ** (digits - 1))
        want = code in known and phonenumbers.is_possible_number(number) and 7 <= len(str(code)) + digits <= 15
        text = f"+{code}{10 ** (digits - 1)}"
        # A number under no country's code may read as one under a shorter code.
        if code in known or not any(text[1:].startswith(str(c)) for c in known):
            assert bool(pattern.fullmatch(text)) == want, text
