"""Every form in which a line may stand in a value or a file is found, and nothing is found by chance inside numbers."""

from __future__ import annotations

import base64

from frames import frame
from pyspark.sql import functions as F

from udfs.traces import hash_forms, number_forms, traces

NUMBER, SIM = "491701234567", "262990000000001"
HASH = bytes(range(200, 232))
WRITTEN = {
    "plain": (b"+491701234567", NUMBER),
    "in JSON": (b'{"msisdn":"+491701234567","imsi":"1"}', NUMBER),
    "with 00": (b"called 00491701234567 today", "00" + NUMBER),
    "national": (b"0170 123 45-67", "01701234567"),
    "with slashes and parentheses": (b"tel.: +49 (0)170/1234567;", "4901701234567"),
    "SIM alone": (SIM.encode(), SIM),
    "SIM in a line": (f"a,{SIM},2026-03-03T08:00:00Z".encode(), SIM),
    "hash, raw": (HASH, HASH.hex().upper()),
    "hash, raw, in other bytes": (b"\x01\xff\x02" + HASH + b"\x00end", HASH.hex().upper()),
    "hash in hexadecimal": (b"p=" + HASH.hex().encode() + b"0a", HASH.hex().upper()),
    "hash in base64": (b'"' + base64.b64encode(HASH) + b'"', base64.b64encode(HASH).decode().rstrip("=")),
    "hash in base64 for URLs": (base64.urlsafe_b64encode(HASH), base64.b64encode(HASH).decode().rstrip("=")),
    "SIM among bytes that are no text": (b"\xff\xfe " + SIM.encode() + b" \xff", SIM),
}


def test_every_form_is_found(spark):
    values = frame(spark, "name STRING, content BINARY", *((name, held) for name, (held, _) in WRITTEN.items()))
    got = {
        row["name"]: set(row["found"])
        for row in values.select("name", traces(F.col("content")).alias("found")).collect()
    }
    assert {name: wanted for name, (_, wanted) in WRITTEN.items() if wanted not in got[name]} == {}


def test_nothing_inside_longer_numbers_and_short_values(spark):
    values = frame(spark, "content BINARY", (b"9491701234567",), (f"{SIM}0".encode(),), (b"c12",), (None,), (b"",))
    got = {found for row in values.select(traces(F.col("content"))).collect() for found in row[0]}
    assert got == {"9491701234567", f"{SIM}0"}


def test_what_is_looked_for_has_the_same_forms(spark):
    one = frame(spark, "msisdn STRING, digest BINARY", ("+491701234567", HASH), ("+43664123456", HASH))
    got = one.select(number_forms(F.col("msisdn")), hash_forms(F.col("digest"))).collect()
    assert set(got[0][0]) == {NUMBER, "00" + NUMBER, "01701234567", "4901701234567"}
    assert set(got[1][0]) == {"43664123456", "0043664123456"}
    assert set(got[0][1]) == {HASH.hex().upper(), base64.b64encode(HASH).decode().rstrip("=")}
