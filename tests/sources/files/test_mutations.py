"""A thousand valid feeds, each spoilt at random: no crash, and every row is accounted for."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.contracts import RAW_LOADED_FILES, RAW_REJECTED_ROWS, RAW_REVIEWS, RAW_TRANSACTIONS
from tests.sources.files.feeds import HEADER, check_what_is_told, load, rows, sale, write

MUTATIONS = 1000
FILES_AT_ONCE = 250
SPICE = [
    *(b"\0", b"\n", b"\r", b"\r\n", b'"', b'""', b",", b";", b"\t", b"\xef\xbb\xbf", b"\xff"),
    *(b"\xd0", "Ж".encode(), "Ж".encode("cp1251"), b"-", b"$", b"1e400", b"{", b"}", b"\\", b" "),
]


def csv_feed(generator: np.random.Generator) -> bytes:
    count = int(generator.integers(1, 30))
    return "\n".join([HEADER, *(sale(i) for i in range(count))]).encode() + b"\n"


def ndjson_feed(generator: np.random.Generator) -> bytes:
    count = int(generator.integers(1, 30))
    line = (
        '{{"client_id": "{0}", "service_id": "S", "rating": 4, "reviewed_at": "2024-01-{1:02d}"}}'
    )
    return "\n".join(line.format(i, i % 28 + 1) for i in range(count)).encode()


def parquet_feed(generator: np.random.Generator) -> bytes:
    lines = [sale(i).split(",") for i in range(int(generator.integers(1, 30)))]
    columns = [list(column) for column in zip(*lines, strict=True)]
    target = io.BytesIO()
    pq.write_table(pa.table(columns, names=HEADER.split(",")), target)
    return target.getvalue()


def spoilt(generator: np.random.Generator, content: bytes) -> bytes:
    """The content after one to four random changes."""
    for _ in range(int(generator.integers(1, 5))):
        place = int(generator.integers(len(content) + 1))
        other = int(generator.integers(len(content) + 1))
        low, high = sorted((place, other))
        spice = SPICE[int(generator.integers(len(SPICE)))]
        kind = int(generator.integers(6))
        if kind == 0:
            content = content[:place] + spice + content[place:]
        elif kind == 1:
            content = content[:place] + spice + content[place + 1 :]
        elif kind == 2:
            content = content[:low] + content[min(high, low + 40) :]
        elif kind == 3:
            content = content[:high]
        elif kind == 4:
            content = content[:high] + content[low:high][:200] + content[high:]
        else:
            noise = generator.integers(0, 256, 3).astype(np.uint8).tobytes()
            content = content[:place] + noise + content[place + 3 :]
    return content


def expected_rows(name: str, content: bytes) -> tuple[int, int]:
    """Fewest and most rows that a text file can have."""
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    body = content.split(b"\n")
    if name.endswith((".csv", ".csv.gz")):
        body = body[1:]
        lines = sum(1 for line in body if line.strip(b"\r"))
        # Quotes may join lines to one row.
        return (lines if b'"' not in content else min(lines, 1)), lines
    lines = sum(1 for line in body if line.strip())
    return lines, lines


@pytest.mark.parametrize("batch", range(MUTATIONS // FILES_AT_ONCE))
def test_every_row_of_a_spoilt_feed_is_accounted_for(batch: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(batch)
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    contents = {}
    for number in range(FILES_AT_ONCE):
        feed = int(generator.integers(5))
        if feed <= 1:
            name, content = "transactions.csv", spoilt(generator, csv_feed(generator))
        elif feed == 2:
            # Half are spoilt before they are packed, half after.
            packed = gzip.compress(spoilt(generator, csv_feed(generator)), mtime=0)
            is_spoilt = generator.random() < 0.5
            name, content = (
                "transactions.csv.gz",
                spoilt(generator, packed) if is_spoilt else packed,
            )
        elif feed == 3:
            name, content = "reviews.ndjson", spoilt(generator, ndjson_feed(generator))
        else:
            name, content = "transactions.parquet", spoilt(generator, parquet_feed(generator))
        contents[f"p{number:03d}/{name}"] = content
        write(landing, f"p{number:03d}/{name}", content)

    outcomes = load(landing, warehouse)

    assert set(outcomes) == set(contents)
    check_what_is_told(outcomes)
    loaded = {name: o for name, o in outcomes.items() if o.status == "loaded"}
    assert len(loaded) > FILES_AT_ONCE / 4
    assert all(o.problem for name, o in outcomes.items() if name not in loaded)
    for name, outcome in loaded.items():
        assert outcome.read == outcome.accepted + outcome.rejected
        if not name.endswith(".parquet"):
            fewest, most = expected_rows(name, contents[name])
            assert fewest <= outcome.read <= most, name
    # The warehouse says the same.
    taken = [r["source_file"] for t in (RAW_TRANSACTIONS, RAW_REVIEWS) for r in rows(warehouse, t)]
    rejected = [r["source_file"] for r in rows(warehouse, RAW_REJECTED_ROWS)]
    for row in rows(warehouse, RAW_LOADED_FILES):
        name = row["source_file"]
        assert row["is_current"] == (name in loaded)
        assert row["accepted_count"] == taken.count(name)
        assert row["rejected_count"] == rejected.count(name)
