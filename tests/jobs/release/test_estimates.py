"""What a release tells of how its estimates were corrected."""

from __future__ import annotations

from jobs.release.estimates import correction_words
from jobs.release.model_error import CORRECTED, ModelError
from jobs.settings import Policy


class TestCorrectionWords:
    def test_of_visits_tell_city_and_span_and_others_nothing(self, monkeypatch):
        made = ModelError({}, ({"city": "x"},), {"dwell": {"finest": 0.52, "place": 9.75}})
        monkeypatch.setattr("jobs.release.estimates.model_error", lambda: made)
        assert correction_words(Policy(), "dwell").endswith("as the simulation of X asks (times 0.5 to 9.8)")
        assert correction_words(Policy(), "footfall") == ""

    def test_without_the_model_nothing_is_told(self):
        policy = Policy(extrapolation={"model_error": False})
        assert all(correction_words(policy, product) == "" for product in CORRECTED)
