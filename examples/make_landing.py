"""Write the example landing folder: two made-up partners, each with files of its own habits.

    python examples/make_landing.py examples/landing

Everything is drawn from a seed, so the files come out the same every time.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

STARTS_AT = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 210
PERSONS = 260
BAKERY = [
    *("white bread", "rye bread", "baguette", "ciabatta", "croissant", "pretzel", "bagel"),
    *("apple pie", "cheesecake", "brownie", "muffin", "doughnut", "eclair", "macaron"),
    *("oat cookies", "ginger cookies", "birthday cake", "wedding cake", "espresso", "green tea"),
]
FITNESS = [
    *("Йога", "Пилатес", "Бассейн", "Сауна", "Бокс", "Танцы", "Тренажёрный зал"),
    *("Персональный тренер", "Массаж", "Детский клуб"),
]
MOSCOW = ZoneInfo("Europe/Moscow")
Rows = list[list[object]]


def as_csv(header: list[str], rows: Rows, delimiter: str = ",") -> str:
    """Rows under a header, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def purchases(
    generator: np.random.Generator, persons: np.ndarray, services: int, per_person: int
) -> list[tuple[int, int, datetime]]:
    """Person, service and moment; persons of one taste buy mostly in one half."""
    found = []
    half = services // 2
    for person in persons:
        for _ in range(generator.poisson(per_person)):
            taste = person % 2 if generator.random() < 0.85 else generator.integers(2)
            service = int(taste * half + half * generator.random() ** 2)
            seconds = int(generator.integers(DAYS * 86_400))
            found.append((int(person), service, STARTS_AT + timedelta(seconds=seconds)))
    return sorted(found, key=lambda row: row[2])


def write_bakery(folder: Path, generator: np.random.Generator) -> None:
    """UTF-8, commas, ISO times: no mapping needed."""
    folder.mkdir(parents=True, exist_ok=True)
    persons = np.arange(0, 200)
    iso = "%Y-%m-%dT%H:%M:%SZ"
    (folder / "partners.csv").write_text(
        as_csv(["partner_id", "partner_name"], [["bakery", "The Bakery"]])
    )
    (folder / "clients.csv").write_text(
        as_csv(
            ["client_id", "email", "phone", "has_marketing_consent", "age_band", "registered_at"],
            [
                [
                    f"{p:05d}",
                    f"person{p}@example.org" if p % 10 else "",
                    f"+7 900 000-{p // 100:02d}-{p % 100:02d}" if p % 4 else "",
                    "no" if p % 40 == 7 else "yes",
                    ("18-24", "25-34", "35-44", "45-54")[p % 4],
                    "2024-11-01",
                ]
                for p in map(int, persons)
            ],
        )
    )
    (folder / "services.csv").write_text(
        as_csv(
            ["service_id", "service_name", "service_category", "typical_price", "margin_rate"],
            [
                [f"B{i:02d}", n, "sweet" if i > 6 else "bread", 2.5 + i % 5, 0.4]
                for i, n in enumerate(BAKERY)
            ],
        )
    )
    header = ["transaction_id", "client_id", "service_id", "quantity", "amount", "transacted_at"]
    sold: Rows = [
        [f"T{i:05d}", f"{p:05d}", f"B{s:02d}", 1, f"{2.5 + s % 5:.2f}", at.strftime(iso)]
        for i, (p, s, at) in enumerate(purchases(generator, persons, len(BAKERY), 22))
    ]
    cut = next(i for i, row in enumerate(sold) if str(row[-1]) >= "2025-06")
    # What real files bring: a price with its sign, a day that is none, half a line.
    dirty = [
        ["T90001", "00001", "B01", 1, "$3.50", "2025-06-02T10:00:00Z"],
        ["T90002", "00002", "B01", 1, "3.50", "2025-06-31T10:00:00Z"],
        ["T90003", "00003"],
    ]
    old = as_csv(header, sold[:cut]).encode()
    (folder / "transactions_2025-01_2025-05.csv.gz").write_bytes(gzip.compress(old, mtime=0))
    (folder / "transactions_2025-06_2025-07.csv").write_text(as_csv(header, sold[cut:] + dirty))
    events = [
        {
            "event_id": f"W{i}",
            "client_id": f"{p:05d}",
            "service_id": f"B{s:02d}",
            "event_type": ("view", "cart")[i % 5 == 0],
            "occurred_at": (at - timedelta(hours=3)).strftime(iso),
        }
        for i, (p, s, at) in enumerate(purchases(generator, persons, len(BAKERY), 4))
    ]
    (folder / "web_events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events))
    (folder / "campaigns.csv").write_text(
        as_csv(
            ["campaign_id", "campaign_type", "started_at", "ended_at"],
            [["SPRING", "e-mail", "2025-03-01", "2025-03-31"]],
        )
    )
    (folder / "campaign_contacts.csv").write_text(
        as_csv(
            ["campaign_id", "client_id", "contacted_at", "responded_at", "is_control"],
            [
                [
                    "SPRING",
                    f"{p:05d}",
                    "2025-03-02",
                    "2025-03-05" if p % 9 == 0 and p % 5 else "",
                    "yes" if p % 5 == 0 else "no",
                ]
                for p in range(0, 200, 3)
            ],
        )
    )


MAPPING = """\
# What this partner's files are like, and what their columns are called here.
delimiter: ";"
encoding: cp1251
decimal: ","
timestamp_formats: ["%d.%m.%Y %H:%M:%S", "%d.%m.%Y"]
time_zone: Europe/Moscow
phone_country_code: "7"
phone_trunk_prefix: "8"
entities:
  clients:
    columns:
      Номер карты: client_id
      Почта: email
      Телефон: phone
      Согласие: has_marketing_consent
      Год рождения: birth_year
    values:
      has_marketing_consent: {да: "true", нет: "false"}
    ignore_columns: [Примечание]
  services:
    columns:
      Код: service_id
      Услуга: service_name
      Цена: typical_price
    attributes: {Минут: minutes}
    constants:
      service_category: фитнес
  transactions:
    columns:
      Карта: client_id
      Код услуги: service_id
      Сумма: amount
      Дата: transacted_at
  reviews:
    columns:
      card: client_id
      service: service_id
      stars: rating
      at: reviewed_at
"""


def write_fitness(folder: Path, generator: np.random.Generator) -> None:
    """cp1251, semicolons, decimal commas, Moscow time, no ids of lines: a mapping says so."""
    folder.mkdir(parents=True, exist_ok=True)
    persons = np.arange(120, PERSONS)
    (folder / "mapping.yml").write_text(MAPPING, encoding="utf-8")
    clients = as_csv(
        ["Номер карты", "Почта", "Телефон", "Согласие", "Год рождения", "Примечание"],
        [
            [
                f"{p - 100}",
                f"Person{p}@Example.org" if p % 7 else "",
                f"8 (900) 000-{p // 100:02d}-{p % 100:02d}",
                ("да", "нет", "")[0 if p % 15 else 1 if p % 2 else 2],
                1960 + p % 45,
                "звонить после 18:00" if p % 20 == 0 else "",
            ]
            for p in map(int, persons)
        ],
        ";",
    )
    (folder / "clients.csv").write_bytes(clients.encode("cp1251"))
    prices = [900 + 350 * i for i in range(len(FITNESS))]
    services = as_csv(
        ["Код", "Услуга", "Цена", "Минут"],
        [
            [f"{i:03d}", name, f"{prices[i]},00", 45 if i % 3 else 90]
            for i, name in enumerate(FITNESS)
        ],
        ";",
    )
    (folder / "services.csv").write_bytes(services.encode("cp1251"))
    sold = purchases(generator, persons, len(FITNESS), 9)
    sales = as_csv(
        ["Карта", "Код услуги", "Сумма", "Дата"],
        [
            [
                f"{p - 100}",
                f"{s:03d}",
                f"{prices[s]},50",
                at.astimezone(MOSCOW).strftime("%d.%m.%Y %H:%M:%S"),
            ]
            for p, s, at in sold
        ],
        ";",
    )
    (folder / "transactions.csv").write_bytes(sales.encode("cp1251"))
    rated = sold[::6]
    rated_at = [at + timedelta(days=2) for _, _, at in rated]
    reviews = pa.table(
        {
            "card": [f"{p - 100}" for p, _, _ in rated],
            "service": [f"{s:03d}" for _, s, _ in rated],
            "stars": [float(1 + (p + s) % 5) for p, s, _ in rated],
            "at": pa.array(rated_at, pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(reviews, folder / "reviews.parquet")


def main(folder: Path) -> None:
    """Write both partners."""
    generator = np.random.default_rng(7)
    write_bakery(folder / "bakery", generator)
    write_fitness(folder / "fitness", generator)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
