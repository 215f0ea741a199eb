"""A day from landing to release, seen from outside: tables, receipts, budget, keys, bytes, restarts."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from end_to_end_tools import FIRST, World, messages, put_key, run_day
from pyspark.sql import functions as F

from expectations.consent_ledger import PURPOSES
from expectations.products import FOOTFALL

DESIGN_COLUMNS = ["release_id", "date", "zone_id", "hour", "level", "status", "persons", "estimate", "lower", "upper"]


def _table(spark, world: World, name: str):
    return spark.read.format("delta").load(str(world.lake / name))


def _bytes_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()


@pytest.mark.slow
class TestRelease:
    def test_footfall_covers_its_domain(self, spark, world):
        footfall = _table(spark, world, "products/footfall")
        assert footfall.columns == [*DESIGN_COLUMNS, "covers"] == FOOTFALL.column_names
        zones = spark.read.format("delta").load(str(world.lake / "reference/zones"))
        assert footfall.count() == zones.count() * 24
        assert footfall.filter("status = 'published'").count() > 100

    def test_status_and_figures_agree(self, spark, world):
        footfall = _table(spark, world, "products/footfall")
        shown = F.col("status").isin("published", "merged")
        assert footfall.filter(shown != F.col("persons").isNotNull()).count() == 0
        assert footfall.filter(~shown & F.coalesce("persons", "estimate", "lower", "upper").isNotNull()).count() == 0
        assert footfall.filter("persons < 20 + 3.09 * 20").count() == 0

    def test_release_rows_say_what_they_are(self, spark, world):
        releases = {r["product"]: r for r in _table(spark, world, "products/releases").collect()}
        assert set(releases) == {"panel", "footfall", "dwell", "approach", "audience", "corridor_flow"}
        assert releases["footfall"]["rho"] == pytest.approx(0.05) and releases["panel"]["rho"] == pytest.approx(0.002)
        assert not releases["footfall"]["for_release"] and "test noise" in releases["footfall"]["note"]

    def test_budget_was_charged(self, spark, world):
        row = _table(spark, world, "audit/privacy_ledger").first()
        assert float(row["spent"]) == pytest.approx(0.097) and len(row["charges"]) == 6

    def test_estimates_are_near_the_residents(self, spark, world):
        city = (
            _table(spark, world, "products/footfall")
            .filter("level = 'city' AND hour = 3 AND status = 'published'")
            .first()
        )
        residents = spark.read.format("delta").load(str(world.lake / "reference/residents"))
        people = residents.agg(F.sum("residents")).first()[0]
        assert city is not None and 0.7 * people < city["estimate"] < 1.3 * people
        assert city["lower"] <= city["estimate"] <= city["upper"]


@pytest.mark.slow
class TestPrivacy:
    def test_receipts_add_up(self, spark, world):
        receipts = _table(spark, world, "audit/consent_receipts").collect()
        assert sorted(r["purpose"] for r in receipts) == sorted(PURPOSES)
        for r in receipts:
            assert r["events_in"] == r["events_excluded"] + r["events_unexplained"] + r["events_kept"]
            assert r["probe_leaks"] == 0 and r["lines_objecting"] > 0 and r["events_excluded"] > 0

    def test_key_and_pseudonyms_are_gone(self, spark, world):
        assert not list(Path(f"{world.lake}.keys").glob("*.key"))
        events = [r["event"] for r in _table(spark, world, "audit/key_events").orderBy("at").collect()]
        assert events[-1] == "destroyed"
        for table in ("movement", "profile", "segments"):
            assert not list((world.lake / "pseudonymous" / table).rglob("*.parquet"))
        assert not list((world.lake / "staging/noised").rglob("*.parquet"))

    def test_no_identifier_in_output_docs_or_logs(self, spark, world):
        people = spark.read.format("delta").load(str(world.lake / "restricted/subscribers"))
        seeds = [v for r in people.limit(50).collect() for v in (r["msisdn"].lstrip("+"), r["imsi"])]
        texts = [world.output]
        texts += [p.read_text(errors="ignore") for p in Path(f"{world.lake}.docs").rglob("*.html")]
        texts += [p.read_text(errors="ignore") for p in world.lake.rglob("_delta_log/*.json")]
        assert not [s for s in seeds if any(s in t for t in texts)]
        assert not re.search(r"\b26299\d{10}\b", world.output)

    def test_each_kind_of_flaw_was_rejected(self, spark, world):
        found = _table(spark, world, "audit/quality_results").filter(
            "table_name = 'restricted.events' AND kind = 'row'"
        )
        reasons = {r["rule"] for r in found.filter("observed > 0").collect()}
        wanted = {"event_time_malformed", "imsi_missing", "imsi_malformed", "cell_id_missing", "event_type_unknown"}
        assert wanted <= reasons, sorted(reasons)

    def test_contacts_are_gone_that_are_past_their_retention(self, spark, world):
        """The day lies months back: with its release, all that it read is over, files included."""
        assert _table(spark, world, "restricted/events").count() == 0
        assert not list((world.lake / "restricted" / "events").glob("event_date=*/*.parquet"))
        left = _table(spark, world, "restricted/quarantine")
        # Of deliveries of the day after, which were refused meanwhile, rejected rows wait to be mended.
        assert left.filter(f"table_name = 'events' AND batch LIKE '%/{FIRST}..%'").count() == 0 and left.count() > 0

    def test_progress_was_told_in_json(self, world):
        told = messages(world.output)
        done = [m["job"] for m in told if m.get("event") == "job done"]
        # Beside each other: which of the first is done first hangs on the machine.
        assert {"reference", "subscribers", "consent", "events"} < set(done) and done[-1] == "release"
        assert done.index("subscribers") < done.index("consent") < done.index("segment")


class KilledError(BaseException):
    """What nothing on the way handles, as nothing handles a process that is killed."""


@pytest.mark.slow
class TestAgain:
    def test_a_released_day_is_done(self, world, capsys):
        # The first run takes what refused deliveries of the day after have left.
        assert run_day(world.landing, world.lake) == 0
        capsys.readouterr()
        before = _bytes_of(world.lake)
        assert run_day(world.landing, world.lake) == 0
        assert _bytes_of(world.lake) == before
        assert messages(capsys.readouterr().out)[-1]["already_released"] == [FIRST]

    def test_broken_off_run_goes_on_to_the_same_bytes(self, spark, world, tmp_path, monkeypatch, capsys):
        """Killed between the product's rows and the row that makes them valid; other partitioning, too."""
        import jobs.release.publish as release

        monkeypatch.setenv("THREESTEP_NOISE_SEED", "5")
        put_key(tmp_path / "lake.keys", FIRST)
        entry = release._entry

        def dies(context, product, *of_release):
            if product == "footfall":
                raise KilledError
            return entry(context, product, *of_release)

        monkeypatch.setattr(release, "_entry", dies)
        partitions = spark.conf.get("spark.sql.shuffle.partitions")
        spark.conf.set("spark.sql.shuffle.partitions", "5")
        try:
            with pytest.raises(KilledError):
                run_day(world.landing, tmp_path / "lake")
            other = World(tmp_path, world.landing, tmp_path / "lake", "")
            assert _table(spark, other, "products/releases").count() == 0
            assert _table(spark, other, "products/footfall").count() > 0
            monkeypatch.setattr(release, "_entry", entry)
            capsys.readouterr()
            assert run_day(world.landing, tmp_path / "lake") == 0
        finally:
            spark.conf.set("spark.sql.shuffle.partitions", partitions)
        skipped = [m["job"] for m in messages(capsys.readouterr().out) if m.get("event") == "job skipped"]
        assert {"events", "segment", "transform", "aggregate"} <= set(skipped)
        digests = [
            {r["product"]: r["digest"] for r in _table(spark, w, "products/releases").collect()} for w in (world, other)
        ]
        assert digests[0] == digests[1]
        shutil.rmtree(tmp_path / "lake")
