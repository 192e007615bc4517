"""Settings and variables that nobody reads are refused, with the name that was likely meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.errors import InputError
from ml.settings import Settings, load_settings
from tests.commands import run_cli

MISSPELT = [
    ("CROSS_SELL_SEDE", "CROSS_SELL_SEED"),
    ("cross_sell_threds", "CROSS_SELL_THREADS"),
    ("CROSS_SELL_NCF__DROPUOT", "CROSS_SELL_NCF__DROPOUT"),
    ("CROSS_SELL_NCF_DROPOUT", "CROSS_SELL_NCF__DROPOUT"),
    ("CROSS_SELL_GATES__LEAST_REACH_", "CROSS_SELL_GATES__LEAST_REACH"),
    ("CROSS_SELL_SEED__SEED", "CROSS_SELL_SEED"),
    ("CROSS_SELL_HASH_SECRETS", "CROSS_SELL_HASH_SECRET"),
]


@pytest.mark.parametrize(("name", "meant"), MISSPELT)
def test_a_misspelt_variable_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "7")
    with pytest.raises(InputError, match=rf"variable {name}: did you mean {meant}\? Correct"):
        load_settings()


def test_a_variable_that_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSS_SELL_QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ", "7")
    with pytest.raises(InputError, match=r"nobody reads the variable CROSS_SELL_Q+\. Correct"):
        load_settings()


def test_all_that_somebody_reads_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("cross_sell_seed", "7")
    monkeypatch.setenv("CROSS_SELL_NCF__DROPOUT", "0.3")
    monkeypatch.setenv("CROSS_SELL_EASE", '{"regularisation": 5}')
    monkeypatch.setenv("CROSS_SELL_MEMORY_LIMIT", "8GB")
    settings = load_settings()
    assert (settings.seed, settings.ncf.dropout, settings.ease.regularisation) == (7, 0.3, 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sede = 7", "there is no setting 'sede': did you mean seed"),
        ("[ncf]\ndropuot = 0.3", "there is no setting 'ncf.dropuot': did you mean ncf.dropout"),
    ],
)
def test_a_misspelt_name_in_the_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    file = tmp_path / "cross_sell.toml"
    file.write_text(text)
    monkeypatch.setitem(Settings.model_config, "toml_file", file)
    with pytest.raises(InputError, match=words):
        load_settings()


@pytest.mark.parametrize(
    "command",
    [
        ["build"], ["train"], ["publish"], ["releases"], ["recommend", "1"], ["report"], ["card"],
        ["soak", "--kills", "1"], ["load", "files", "."], ["benchmark", "scale"], ["doctor"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_refuses_it(tmp_path: Path, command: list[str]) -> None:
    result = run_cli(tmp_path / "w.duckdb", *command, CROSS_SELL_LOCK_WAIT="1")
    assert result.returncode == (1 if command == ["doctor"] else 2)
    # Findings of doctor are wrapped.
    told = " ".join((result.stdout + result.stderr).split())
    assert "did you mean CROSS_SELL_LOCK_WAIT_SECONDS?" in told
