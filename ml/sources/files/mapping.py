"""What a partner's ``mapping.yml`` says of its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ml.contracts import ATTRIBUTES_OF, RAW_CLIENTS, RAW_ENTITIES, Columns, Table
from ml.contracts.table import DOUBLE
from ml.sources.files.encodings import known_encoding
from ml.sources.files.identity import HASHED
from ml.sources.files.landing import MAPPING
from ml.sources.files.outcome import FileRefusedError
from ml.warehouse import TextFormat, is_time_zone, is_timestamp_format

_OURS: Final = {
    Columns.SOURCE_PARTNER_ID,
    Columns.SOURCE_FILE,
    Columns.SOURCE_LINE,
    Columns.UNREAD_COLUMNS,
    Columns.LOADED_AT,
    *HASHED.values(),
}


def deliverable(table: Table) -> tuple[str, ...]:
    """Columns that a file may bring; the others are the loader's."""
    extra = tuple(HASHED) if table is RAW_CLIENTS else ()
    return tuple(n for n in table.column_names if n not in _OURS) + extra


def _zone(value: str) -> str:
    if not is_time_zone(value):
        raise ValueError(f"'{value}' is no time zone; write one like Europe/Moscow or UTC")
    return value


def _format(value: str) -> str:
    if not is_timestamp_format(value):
        raise ValueError(f"'{value}' is no format; write one like %d.%m.%Y %H:%M:%S")
    return value


def one_line(name: str) -> str:
    r"""A column's name with one blank for all that parts its words, line ends included.

    >>> one_line(" net\n amount ")
    'net amount'
    """
    return " ".join(name.split())


_Name = Annotated[str, AfterValidator(one_line)]
_Encoding = Annotated[str, AfterValidator(known_encoding)]
_Attribute = Annotated[str, Field(min_length=1, max_length=60, pattern="^[^=\x00-\x1f]+$")]
_Count = Annotated[int, Field(ge=0, le=1000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EntityMapping(_Strict):
    """What is said of one entity's files.

    Parameters
    ----------
    columns : dict of str to str
        The partner's column names to the contract's.
    constants : dict of str to str
        Values of columns that the files lack.
    values : dict of str to dict of str to str
        For a column of the contract, or an attribute: the partner's values to the contract's.
    attributes : dict of str to str
        Of clients and services: the partner's columns that become attributes, to their names.
    computed : dict of str to str
        For a column of numbers of the contract: the product of two columns, ``a * b``, each by
        the contract's name or the partner's.
    ignore_columns : tuple of str
        Columns of the files that are not wanted; they are never looked at.
    skip_lines : int, optional
        Lines above the one that names the columns. None: what the mapping says of all files.
    sheet : str, optional
        Of a workbook. None: what the mapping says of all files.
    id_from_content : bool, default False
        Whether rows without an id get one of what they say: a line that another file repeats is
        then the same row. Lines that are equal within one file stay apart.
    """

    columns: dict[_Name, str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    attributes: dict[_Name, _Attribute] = Field(default_factory=dict)
    computed: dict[str, str] = Field(default_factory=dict)
    ignore_columns: tuple[_Name, ...] = ()
    skip_lines: _Count | None = None
    sheet: str | None = None
    id_from_content: bool = False

    @property
    def factors(self) -> dict[str, tuple[str, str]]:
        """By computed column: the two columns that are multiplied."""
        return {name: _factors(text) for name, text in self.computed.items()}


def _factors(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"([^*]+)\*([^*]+)", one_line(text))
    if found is None or not found[1].strip() or not found[2].strip():
        raise ValueError(f"'{text}' is no product of two columns; write one like quantity * price")
    return found[1].strip(), found[2].strip()


class Mapping(_Strict):
    """What a partner says of its files; every part may be left out.

    Parameters
    ----------
    delimiter : str, optional
        None: a comma; in files named ``.tsv`` a tab.
    encoding : str, optional
        By any usual name. None: UTF-8, or what the file's bytes say.
    decimal : {".", ","}, default "."
    timestamp_formats : tuple of str
        As of ``strptime``; none: ISO 8601.
    time_zone : str, default "UTC"
    phone_country_code : str
        Put before telephone numbers without one.
    phone_trunk_prefix : str, default "0"
        Dropped from telephone numbers without a country code.
    skip_lines : int, default 0
        Lines above the one that names the columns.
    sheet : str, optional
        Of workbooks. None: the first one that is not hidden.
    entities : dict of str to EntityMapping
    """

    delimiter: Annotated[str, Field(min_length=1, max_length=1, pattern='[^"\r\n]')] | None = None
    encoding: _Encoding | None = None
    decimal: Literal[".", ","] = "."
    timestamp_formats: tuple[Annotated[str, AfterValidator(_format)], ...] = ()
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    phone_country_code: Annotated[str, Field(pattern="^[0-9]{0,3}$")] = ""
    phone_trunk_prefix: Annotated[str, Field(pattern="^[0-9]{0,2}$")] = "0"
    skip_lines: _Count = 0
    sheet: str | None = None
    entities: dict[str, EntityMapping] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_known(self) -> Mapping:
        tables = {table.name: table for table in RAW_ENTITIES}
        for name, entity in self.entities.items():
            if name not in tables:
                raise ValueError(f"entities.{name}: there are {', '.join(tables)}")
            known = deliverable(tables[name])
            for key, names in (
                ("columns", list(entity.columns.values())),
                ("constants", list(entity.constants)),
                ("values", [n for n in entity.values if n not in entity.attributes.values()]),
                ("computed", list(entity.computed)),
            ):
                for column in names:
                    if column not in known:
                        raise ValueError(
                            f"entities.{name}.{key}: {name} have no column '{column}'; "
                            f"there are {', '.join(known)}"
                        )
            for column in entity.constants:
                if column in HASHED:
                    raise ValueError(f"entities.{name}.constants: '{column}' differs by client")
            _check_computed(f"entities.{name}.computed", tables[name], entity)
            _check_attributes(f"entities.{name}.attributes", tables[name], entity)
        return self

    @property
    def text_format(self) -> TextFormat:
        """How numbers and times are written."""
        return TextFormat(self.decimal, self.timestamp_formats, self.time_zone)

    def entity(self, table: Table) -> EntityMapping:
        """What is said of a table's files, in particular or of all."""
        said = self.entities.get(table.name, EntityMapping())
        general = {"skip_lines": self.skip_lines, "sheet": self.sheet}
        return said.model_copy(
            update={k: v for k, v in general.items() if getattr(said, k) is None}
        )


def _check_computed(where: str, table: Table, entity: EntityMapping) -> None:
    numbers = {column.name for column in table.columns if column.type == DOUBLE}
    try:
        computed = list(entity.factors)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    for name in computed:
        if name not in numbers:
            raise ValueError(f"{where}: '{name}' is no amount or quantity")
        if name in entity.constants:
            raise ValueError(f"{where}: '{name}' is a constant as well: drop one")


def _check_attributes(where: str, table: Table, entity: EntityMapping) -> None:
    names = list(entity.attributes.values())
    if names and table not in ATTRIBUTES_OF:
        having = " and ".join(one.name for one in ATTRIBUTES_OF)
        raise ValueError(f"{where}: only {having} have attributes")
    for column, name in entity.attributes.items():
        if name in deliverable(table):
            raise ValueError(
                f"{where}: '{name}' is a column of {table.name}: write it under columns"
            )
        if names.count(name) > 1:
            raise ValueError(f"{where}: two columns become '{name}': ignore one")
        if column in entity.columns or column in entity.ignore_columns:
            raise ValueError(f"{where}: '{column}' is also renamed or ignored: drop one")


def mapping_text(folder: Path) -> bytes:
    """Bytes of a partner's mapping; none where it has none."""
    path = folder / MAPPING
    return path.read_bytes() if path.is_file() else b""


def parse_mapping(text: bytes, name: str) -> Mapping:
    """Read a mapping.

    Parameters
    ----------
    text : bytes
    name : str
        Of the file, for messages.

    Raises
    ------
    FileRefusedError
        Names the file and the key.
    """
    try:
        # Every scalar stays text: no number loses its zeros, no 'no' becomes false.
        content = yaml.load(text.decode("utf-8-sig"), Loader=yaml.BaseLoader) or {}
        return Mapping.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise FileRefusedError(f"{name}: {key + ': ' if key else ''}{message}") from None
    except UnicodeDecodeError:
        raise FileRefusedError(f"{name} is not UTF-8: save it as UTF-8") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise FileRefusedError(f"{name} is not YAML{where}: mend it") from None
