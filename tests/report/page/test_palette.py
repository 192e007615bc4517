"""Series are told apart by more than colour, and look the same on every chart."""

from __future__ import annotations

from itertools import pairwise

from ml.report.page.palette import BEST_POSSIBLE, looks, of_study, shown_name


def test_a_model_looks_the_same_wherever_it_is_drawn() -> None:
    alone = looks(["EASE"])["EASE"]
    assert looks(["implicit-als", "NCF", "EASE", BEST_POSSIBLE])["EASE"] == alone


def test_twelve_series_differ_in_shape_or_colour_and_neighbours_in_dash() -> None:
    found = list(looks([f"model {i}" for i in range(12)]).values())
    assert len({(look.color, look.shape) for look in found}) == 12
    assert all(a.dash != b.dash for a, b in pairwise(found))
    # Colour alone repeats; with it, another shape comes.
    assert len({look.color for look in found}) == 8


def test_the_study_has_its_model_s_colour_and_a_shape_of_its_own() -> None:
    ours, study = looks(["NCF", of_study("NCF")]).values()
    assert ours.color == study.color
    assert ours.shape != study.shape
    assert ours.dash != study.dash


def test_names_that_are_not_ours_stay() -> None:
    assert shown_name("ncf") == "NCF"
    assert shown_name("lightfm (bare)") == "lightfm (bare)"
