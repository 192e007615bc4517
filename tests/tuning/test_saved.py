"""``tuned.toml``: read last, written whole, refused clearly."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ml.errors import InputError
from ml.models.lightfm_settings import LightFMSettings
from ml.settings import load_settings
from ml.tuning.saved import TUNED_FILE, Provenance, Tuned, read_tuned, write_tuned
from tests.commands import run_cli

PROVENANCE = Provenance(
    study='lightfm-0123 "quoted"',
    trial=12,
    trials=30,
    metric="ndcg@10",
    value=0.1064,
    default_value=0.1059,
    seed=42,
    data="0123456789ab",
    saved_at=datetime(2026, 1, 2, 3, 4, 5),
    package_versions={"lightfm-next": "1.19.0", "torch": "2.13.0"},
)
TUNED = Tuned(parameters={"factors": 48, "learning_rate": 1e-05}, provenance=PROVENANCE)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_tuned(tmp_path, {"lightfm": TUNED})
    assert read_tuned(tmp_path) == {"lightfm": TUNED}
    assert isinstance(read_tuned(tmp_path)["lightfm"].parameters["factors"], int)
    write_tuned(tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_settings_take_it_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tuned(tmp_path, {"lightfm": TUNED})
    warehouse = tmp_path / "warehouse.duckdb"
    plain = load_settings(warehouse=warehouse)
    assert (plain.lightfm.factors, plain.lightfm.learning_rate) == (48, 1e-05)
    assert plain.lightfm.max_sampled == LightFMSettings().max_sampled
    assert plain.tuned == {"lightfm": PROVENANCE}
    assert '"study":"lightfm-0123' in plain.model_dump_json()
    monkeypatch.setenv("CROSS_SELL_LIGHTFM__FACTORS", "7")
    overridden = load_settings(warehouse=warehouse)
    assert (overridden.lightfm.factors, overridden.lightfm.learning_rate) == (7, 1e-05)
    monkeypatch.setenv("CROSS_SELL_WAREHOUSE", str(tmp_path / "other" / "warehouse.duckdb"))
    assert load_settings().lightfm.learning_rate == LightFMSettings().learning_rate
    monkeypatch.setenv("CROSS_SELL_WAREHOUSE", str(warehouse))
    assert load_settings().lightfm.learning_rate == 1e-05


def test_tuning_starts_without_it(tmp_path: Path) -> None:
    write_tuned(tmp_path, {"lightfm": TUNED})
    untuned = load_settings(is_tuned=False, warehouse=tmp_path / "warehouse.duckdb")
    assert untuned.lightfm == LightFMSettings()
    assert untuned.tuned == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[lightfm\nfactors = 3", "cannot be read"),
        ("\udcff", "cannot be read"),
        ("[lightfm]\nfactors = 3\n", "not as tuning writes it"),
        ("[lightfm]\nfactors = 0\n[tuned.lightfm]\n", "factors"),
        ("[lightfm]\nfactor = 3\n[tuned.lightfm]\n", "factor"),
        ("[lightfm]\nfactors = 3\n[tuned.lightfm]\ntrial = 1\n", "Field required"),
        ("[lightgbm]\nleaves = 3\n[tuned.lightgbm]\n", "lightgbm"),
        ("tuned = 3\nlightfm = 4", "lightfm|settings"),
    ],
)
def test_a_file_that_is_no_such_thing_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / TUNED_FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=words) as error:
        load_settings(warehouse=tmp_path / "warehouse.duckdb")
    assert TUNED_FILE in str(error.value)
    assert "cross-sell tune" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_command_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / TUNED_FILE).write_text("[lightfm")
    result = run_cli(tmp_path / "warehouse.duckdb", "train")
    assert result.returncode == 2
    assert "tuned.toml cannot be read" in result.stderr
    assert "Traceback" not in result.stderr
