"""Every knob, typed, with its default, unit and reason.

Settings come, the first that has a value winning, from command-line options, from
environment variables (``CROSS_SELL_SEED=7``; nested ones with two underscores,
``CROSS_SELL_NCF__DROPOUT=0.2``), from ``cross_sell.toml`` in the project's root, from what
``cross-sell tune`` saved as ``tuned.toml`` beside the warehouse, and from the defaults here.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, PositiveInt, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ml.backtest.settings import BacktestSettings
from ml.benchmark.settings import BenchmarkSettings
from ml.environment import DELIMITER, PREFIX, check_environment, nearest, setting_names
from ml.errors import InputError
from ml.gates.settings import GateSettings
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.models.settings import (
    EaseSettings,
    ItemKNNSettings,
    PopularitySettings,
    SegmentPopularitySettings,
)
from ml.refresh.settings import RefreshSettings
from ml.tuning.saved import PROVENANCE, Provenance, read_tuned
from ml.tuning.settings import TuningSettings

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent
SETTINGS_FILE: Final = PROJECT_ROOT / "cross_sell.toml"
_RESERVED: Final = {
    *("raw", "staging", "intermediate", "core", "learning", "ml", "cross_sell", "snapshots"),
    *("simulated_truth", "information_schema", "pg_catalog"),
    *("main", "memory", "temp", "system", "serving"),
}
"""No names for a warehouse's file: schemas, and catalogs of the engine and of the readers."""


class Settings(BaseSettings):
    """All settings of the jobs.

    Parameters
    ----------
    warehouse : Path, default ``warehouse/warehouse.duckdb``
        The DuckDB file that dbt and the jobs write; relative to the project's root. Its
        folder also holds releases, saved models and ``serving.duckdb``.
    lock_wait_seconds : float, default 60
        How long a job waits while another process holds the warehouse. dbt builds of this
        project hold it for well under a minute.
    most_rejected_share : float, default 0.05
        A load in which more of a partner's rows are rejected, and 20 at least, is held back whole:
        so much is no slip but another format, and what was there before is nearer to the truth.
    seed : int, default 42
        Of everything random. Same data, seed and settings give bit-equal scores.
    offers_per_client : int, default 20
        Offers written per client. More than a salesperson or a page ever shows. The dbt var
        of the same name is the most that the tests allow: raise it first.
    evaluation_clients : int, default 20000
        Most clients of a fold that metrics, calibration and holdout rows are taken on
        (:mod:`ml.measured`); of more, a sample. Models learn from all and offers are made for all.
    bootstrap_samples : int, default 1000
        Resamples behind every interval; 95% limits then move by about 1% of their width.
    block_size : int, default 1024
        Clients ranked at once; a block of scores must fit the cache to be fast.
    publish_lead_seconds : float, default 2
        How long before its moment a release is in place, and how long after it the old one
        stays listed. A query lists its files within this time of its start, also on a busy
        machine; so no reader sees two releases.
    releases_kept : int, default 3
        Older releases stay for queries that still run on them, and to go back to. The one that
        readers have and the one before it are kept in any case.
    models_kept : int, default 3
        Saved champions kept on disk, beside those that the releases which are kept came from.
    threads : int, default 2
        Torch and BLAS threads. Part of what makes scores bit-equal: keep it fixed.
    models : tuple of str
        Which recommenders compete, and a blend of them where it gains (:mod:`ml.blending`).
    learns_from_web_events : bool, default True
        Whether services that a client only looked at are history that tastes are learned from.
        In the simulated world they are worth .01 of AUC to every model (docs/models.md). Without
        web events nothing changes.
    warm_start : str, default 'never'
        ``auto`` also fits models that can (LightFM and NCF) from where an earlier run left off, and
        uses that where it is not significantly worse on validation; scores then depend on the runs
        before. ``never`` begins anew: same data, same scores (docs/adapting.md).
    resumes : bool, default True
        Whether a training goes on where a killed one of the same data, settings, seed and versions
        left off; scores are equal bit for bit either way (:mod:`ml.checkpoints`).
    checkpoint_seconds : float, default 10
        A training leaves a checkpoint after an epoch at most this often, and never so often that
        writing takes more than a twentieth of its time; 0 after every epoch. A killed training
        loses about that much.
    popularity, segment_popularity, item_knn, ease, lightfm, ncf
        Settings of each model, documented beside it.
    gates : GateSettings
        What a run must show before its offers reach readers; no part of a training run.
    tuning : TuningSettings
        Of ``cross-sell tune``; no part of a training run.
    benchmark : BenchmarkSettings
        Of ``cross-sell benchmark``; no part of a training run.
    refresh : RefreshSettings
        Of ``cross-sell refresh``: when to train anew, and when a new run may take over.
    backtest : BacktestSettings
        Of ``cross-sell backtest``; no part of a training run.
    tuned : dict of str to Provenance
        Where tuned settings come from, by model; filled from ``tuned.toml``.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        toml_file=SETTINGS_FILE,
        extra="forbid",
        frozen=True,
    )

    warehouse: Path = Path("warehouse/warehouse.duckdb")
    lock_wait_seconds: float = Field(default=60.0, ge=0)
    most_rejected_share: float = Field(default=0.05, ge=0, le=1)
    seed: int = Field(default=42, ge=0, lt=2**31)
    offers_per_client: PositiveInt = 20
    evaluation_clients: PositiveInt = 20_000
    bootstrap_samples: PositiveInt = 1000
    block_size: PositiveInt = 1024
    publish_lead_seconds: float = Field(default=2.0, gt=0)
    releases_kept: PositiveInt = 3
    models_kept: PositiveInt = 3
    threads: PositiveInt = 2
    models: tuple[str, ...] = (
        *("popularity", "segment_popularity", "item_knn", "ease"),
        *("lightfm", "ncf"),
    )
    learns_from_web_events: bool = True
    warm_start: Literal["never", "auto"] = "never"
    resumes: bool = True
    checkpoint_seconds: float = Field(default=10.0, ge=0)
    popularity: PopularitySettings = PopularitySettings()
    segment_popularity: SegmentPopularitySettings = SegmentPopularitySettings()
    item_knn: ItemKNNSettings = ItemKNNSettings()
    ease: EaseSettings = EaseSettings()
    lightfm: LightFMSettings = LightFMSettings()
    ncf: NCFSettings = NCFSettings()
    gates: GateSettings = GateSettings()
    tuning: TuningSettings = TuningSettings()
    benchmark: BenchmarkSettings = BenchmarkSettings()
    refresh: RefreshSettings = RefreshSettings()
    backtest: BacktestSettings = BacktestSettings()
    tuned: dict[str, Provenance] = Field(default_factory=dict)

    @field_validator("warehouse")
    @classmethod
    def _can_be_named(cls, value: Path) -> Path:
        """The engine and dbt make a catalog's name of the file's."""
        if not re.fullmatch(r"[^;\"'`\\\x00-\x1f\x7f]+", value.name):
            raise ValueError("its file name must be without quotes, ';' and backslashes")
        if value.name.split(".")[0].lower() in _RESERVED:
            raise ValueError(
                f"'{value.name}' would name the catalog like a schema, or like one of the engine's "
                "own: rename it, say to warehouse.duckdb"
            )
        if found := re.search(r"[?\\]", str(_absolute(value).parent)):
            raise ValueError(f"DuckDB cannot write below a folder with '{found[0]}' in its name")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then environment, then the TOML file, then what tuning saved."""
        toml_settings = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, toml_settings, _TunedSource(settings_cls)

    @property
    def warehouse_file(self) -> Path:
        """Absolute path of the warehouse."""
        return _absolute(self.warehouse)

    @property
    def folder(self) -> Path:
        """Absolute folder of the warehouse, its releases and saved models."""
        return self.warehouse_file.parent


class UntunedSettings(Settings):
    """Settings without ``tuned.toml``: what tuning starts from and has to beat."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then environment, then the TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


class _TunedSource(PydanticBaseSettingsSource):
    """``tuned.toml`` in the folder of the warehouse that the sources before it name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: the file is read as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Settings by model, and where they come from."""
        default = self.settings_cls.model_fields["warehouse"].default
        warehouse = _absolute(Path(self.current_state.get("warehouse", default)))
        found = read_tuned(warehouse.parent)
        content: dict[str, Any] = {name: one.parameters for name, one in found.items()}
        if found:
            content[PROVENANCE] = {name: one.provenance for name, one in found.items()}
        return content


def _absolute(warehouse: Path) -> Path:
    return (PROJECT_ROOT / warehouse).resolve()


def load_settings(*, is_tuned: bool = True, **overrides: object) -> Settings:
    """Settings with command-line overrides; None means not given.

    Parameters
    ----------
    is_tuned : bool, default True
        Whether what ``cross-sell tune`` saved counts.
    **overrides
        By name of the setting.

    Raises
    ------
    InputError
        Names the setting or the file that cannot be used.
    """
    check_environment(Settings)
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    kind = Settings if is_tuned else UntunedSettings
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(
                f"there is no setting '{name}'{nearest(name, setting_names(Settings))} "
                "Settings are listed in ml/settings.py"
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"setting '{name}': {message}, got {first.get('input')!r}") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{SETTINGS_FILE} cannot be read: {error}") from None
