"""What a release is made of: Parquet files and a catalog of views that any DuckDB reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from ml.errors import InputError, WarehouseAccessError
from ml.warehouse.tables import file_pattern, quoted, relation

# The file format that DuckDB 1.0 and later open.
_STORAGE_VERSION = "v1.0.0"


@contextmanager
def snapshot(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Make all reads inside see one state of the warehouse."""
    connection.execute("begin transaction")
    try:
        yield
    finally:
        connection.execute("rollback")


def copy_to_parquet(
    connection: duckdb.DuckDBPyConnection, schema_name: str, name: str, path: Path
) -> int:
    """Write a whole table to a Parquet file, and to the disk before returning.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InputError
        There is no such table.
    """
    try:
        [(count,)] = connection.execute(
            f"copy (from {relation(connection, schema_name, name)}) "
            f"to {_literal(path)} (format parquet, compression zstd)"
        ).fetchall()
    except duckdb.CatalogException:
        raise InputError(
            f"{schema_name}.{name} does not exist: run 'dbt build --project-dir dbt_project'"
        ) from None
    _sync(path)
    return int(count)


SERVING: Final = "serving.duckdb"
"""File name of the catalog: views know the folder of the database by it."""

FOLDER_VARIABLE: Final = "cross_sell_folder"
"""Session variable by which a reader names the folder, where its engine cannot tell."""

# No engine lets a view compute a path from the list of attached databases. What can be computed
# is the default of `temp_directory`: the path of the database that was opened, and `.tmp` (which
# DuckDB 2.0 puts before a question mark). A reader that attaches the catalog, or has a
# `temp_directory` of its own, reads the folder that the catalog was made for.
_OPENED = r"regexp_replace(current_setting('temp_directory'), '\.tmp(\?.*)?$', '\1')"
_IS_OPENED = rf"coalesce(regexp_matches({_OPENED}, '(^|/)serving\.duckdb$'), false)"
_FOLDER = rf"""regexp_replace(
    case
        when getvariable('cross_sell_folder') is not null
            then getvariable('cross_sell_folder') || '/'
        when {_IS_OPENED} then regexp_replace({_OPENED}, 'serving\.duckdb$', '')
        else {{folder}}
    end,
    '([[*?])', '[\1]', 'g'
)"""

# DuckDB opens a file several times in one query, so a path must keep its content. A view
# therefore lists its folder once per query: files lie in folders named by the moment
# (microseconds since 1970, UTC) from which they count, and the query's own start decides between
# them. All views of a query decide alike, by the list of one folder. `**` does not look into
# linked folders (it does list linked files): a retired folder becomes a link, through which a
# query under way still opens the file. The last condition refuses where a view would read another
# folder than its own.
_VIEW = rf"""
select * exclude (filename)
from read_parquet({_FOLDER} || {{pattern}}, filename = true, union_by_name = true)
where regexp_extract(filename, '([0-9]+)/[^/]+$', 1) = (
    select coalesce(
        max(moment) filter (where cast(moment as bigint) <= epoch_us(now())), min(moment)
    )
    from (
        select regexp_extract(file, '([0-9]+)/[^/]+$', 1) as moment
        from glob({_FOLDER} || {{deciding}})
    )
)
and (
    select case
        when count(*) > 1 then error({{several}})
        when getvariable('cross_sell_folder') is not null or {_IS_OPENED} then true
        when max(path) = {{path}} then true
        else error({{elsewhere}})
    end
    from duckdb_databases()
    where regexp_matches(path, '(^|/)serving\.duckdb$')
)
"""
_SEVERAL = (
    "several serving.duckdb are open in one connection, and none of them can tell which folder is "
    "its own: open each in a connection of its own"
)
_ELSEWHERE = (
    "this {name} was made for {folder} and has been copied, moved or mounted elsewhere: open it "
    "itself instead of attaching it, or set variable {variable} = '<its folder>', or run "
    "'cross-sell releases --relocate' there"
)


def write_catalog(folder: Path, views: Mapping[str, Path], *, deciding: Path) -> bool:
    """Write a small DuckDB file whose views read Parquet files beside it; replace it on change.

    The new file takes the old one's place at once. A reader that holds the old file stays on
    its views, and these read the same folders.

    Parameters
    ----------
    folder : Path
        Where the catalog lies.
    views : mapping of str to Path
        View name to the folder of the files that it reads, relative to the catalog's:
        ``<microseconds>/<name>.parquet``, each counting from that moment on.
    deciding : Path
        The folder whose newest moment counts, for all views: its file is put in place last.

    Returns
    -------
    bool
        Whether the file was written anew.
    """
    path = folder / SERVING
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    elsewhere = _ELSEWHERE.format(name=SERVING, folder=folder, variable=FOLDER_VARIABLE)
    try:
        with duckdb.connect() as connection:
            connection.execute(
                f"attach {_literal(fresh)} as catalog (storage_version '{_STORAGE_VERSION}')"
            )
            for name, source in views.items():
                query = _VIEW.format(
                    folder=_literal(f"{folder}/"),
                    path=_literal(path),
                    pattern=_literal(source / "**" / "*.parquet"),
                    deciding=_literal(deciding / "**" / "*.parquet"),
                    several=_literal(_SEVERAL),
                    elsewhere=_literal(elsewhere),
                )
                connection.execute(f"create view catalog.{quoted(name)} as {query}")
            connection.execute("detach catalog")
        if path.exists() and _described(path) == _described(fresh):
            return False
        _sync(fresh)
        fresh.replace(path)
        return True
    except OSError as error:
        raise WarehouseAccessError(f"cannot write {path}: {error.strerror}") from None
    finally:
        fresh.unlink(missing_ok=True)


def is_made_for(folder: Path) -> bool:
    """Whether the catalog in a folder was written there: a copy names the original's folder."""
    views = _described(folder / SERVING) or ()
    return all(_literal(folder / SERVING) in sql for kind, _, sql in views if kind == "view")


def count_parquet_rows(path: Path) -> int | None:
    """Rows of a Parquet file by its footer; None where it cannot be read."""
    try:
        with duckdb.connect() as connection:
            [(count,)] = connection.execute(
                "select sum(num_rows) from parquet_file_metadata(?)", [file_pattern(path)]
            ).fetchall()
    except duckdb.Error:
        return None
    return int(count)


def _described(path: Path) -> Sequence[tuple[str, ...]] | None:
    """Views and columns of a catalog; None where it cannot be read."""
    try:
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute(
                "select 'view', view_name, sql from duckdb_views() where not internal union all "
                "select table_name, column_name, data_type from duckdb_columns() "
                "where not internal order by all"
            ).fetchall()
    except duckdb.Error:
        return None


def _literal(value: Path | str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
