"""Lines and SIMs: native functions of a person's number, so that no event ever joins master data.

Numbers are obviously fictitious: the +49 1555 block, and network 99 of country 262.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.simulate.clock import Clock
from jobs.simulate.draw import Draws
from jobs.simulate.people import RESIDENT, THING, VISITOR, Crowd

LINES_EACH = 3  # line numbers reserved for a person
HOME_COUNTRY = "262"
_NETWORK = "26299"
_FOREIGN = {"20801": 20, "22201": 12, "23410": 14, "26006": 26, "20404": 10, "23201": 8, "23001": 10}
BRANDS = {"alpha": 50.0, "beta": 28.0, "gamma-reseller": 14.0, "delta-mobil": 8.0}


@dataclass(frozen=True)
class Lines:
    """Everything about lines that follows from person_id, line_no and kind.

    Attributes:
        draws: The source of draws.
        clock: The simulated window; SIM swaps happen inside it.
        crowd: How many persons there are.
    """

    draws: Draws
    clock: Clock
    crowd: Crowd

    def contract(self, person: Column, kind: Column) -> Column:
        """Contract: private, business, prepaid or m2m; null for visitors."""
        drawn = self.draws.choice("contract", {"private": 0.62, "prepaid": 0.25, "business": 0.13}, person)
        return F.when(kind == THING, F.lit("m2m")).when(kind == RESIDENT, drawn)

    def count(self, person: Column, kind: Column) -> Column:
        """Lines of a person: one in eight private subscribers has two or three."""
        share = self.draws.uniform("lines", person)
        several = F.when(share < 0.03, F.lit(3)).when(share < 0.16, F.lit(2)).otherwise(F.lit(1))
        return F.when(self.contract(person, kind) == "private", several).otherwise(F.lit(1))

    def line_id(self, person: Column, line_no: Column) -> Column:
        """A line's number, unique over all persons."""
        return person * LINES_EACH + line_no

    def device(self, line: Column, line_no: Column, kind: Column) -> Column:
        """Phone for a person's first line; tablet, watch or second phone for further ones."""
        further = self.draws.choice("device", {"tablet": 0.5, "watch": 0.2, "second": 0.3}, line)
        return F.when(kind == THING, F.lit("thing")).when(line_no == 0, F.lit("phone")).otherwise(further)

    def stays_home(self, line: Column, line_no: Column, kind: Column) -> Column:
        """True for most tablets: they do not follow their holder."""
        rests = self.draws.uniform("rests", line) < 0.7
        return (self.device(line, line_no, kind) == "tablet") & rests

    def subscriber_id(self, person: Column, kind: Column) -> Column:
        """Who holds the line: a company for business and m2m, null for some prepaid and all visitors."""
        contract = self.contract(person, kind)
        companies = max(1, self.crowd.residents // 60)
        company = F.format_string("B%07d", self.draws.whole("company", companies, person))
        fleets = max(1, self.crowd.things // 20)
        fleet = F.format_string("M%07d", self.draws.whole("fleet", fleets, person))
        known = self.draws.uniform("registered", person) < 0.8
        holder = F.format_string("P%08d", person)
        return (
            F.when(contract == "business", company)
            .when(contract == "m2m", fleet)
            .when((contract == "private") | known, holder)
        )

    def msisdn(self, line: Column) -> Column:
        """E.164, scattered over the block one to one."""
        digits = 7 if self.crowd.total * LINES_EACH < 9_000_000 else 8
        scattered = F.pmod(line * 7_654_321 + 1_234_567 + self.draws.seed % 1000 * 7, F.lit(10**digits))
        return F.concat(F.lit("+491555"), F.lpad(scattered.cast("string"), digits, "0"))

    def imsi(self, line: Column, kind: Column, sim: Column) -> Column:
        """Fifteen digits; ``sim`` is 0, or 1 after a swap."""
        serial = F.pmod((line * 2 + sim) * 1_580_339_887 + 271_828_183, F.lit(10**10))
        network = F.when(kind == VISITOR, self.draws.choice("origin", _FOREIGN, line)).otherwise(F.lit(_NETWORK))
        return F.concat(network, F.lpad(serial.cast("string"), 10, "0"))

    def swap_time(self, line: Column, kind: Column) -> Column:
        """Epoch second at which a line gets a new SIM, between 8 and 20 h of a simulated day; else null."""
        share = max(0.004, 4 / max(1, self.crowd.residents))
        day = self.draws.whole("swap/day", self.clock.days, line)
        second = self.draws.whole("swap/time", 12 * 3600, line)
        swaps = (kind == RESIDENT) & (self.draws.uniform("swap", line) < share)
        return F.when(swaps, F.lit(self.clock.begin + 8 * 3600) + day * 86_400 + second)

    def brand(self, line: Column, kind: Column) -> Column:
        """The brand a line is sold under."""
        return F.when(kind == THING, F.lit("alpha")).otherwise(self.draws.choice("brand", BRANDS, line))
