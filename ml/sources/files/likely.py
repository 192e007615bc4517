"""What partners call the contract's columns, in English and Russian."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ml.contracts import (
    RAW_CAMPAIGN_CONTACTS,
    RAW_CAMPAIGNS,
    RAW_CLIENTS,
    RAW_REVIEWS,
    RAW_SERVICES,
    RAW_TRANSACTIONS,
    RAW_WEB_EVENTS,
    Columns,
    Table,
)
from ml.sources.files.identity import HASHED

_EMAIL, _PHONE, _LOYALTY = HASHED

_CLIENT: Final = (
    "client|client code|client no|customer|customer id|customer code|customer no|cust id|user|"
    "user id|member id|buyer id|account id|card|card id|card no|card number|household key|"
    "клиент|id клиента|ид клиента|код клиента|номер клиента|покупатель|код покупателя|контрагент|"
    "код контрагента|карта|номер карты|карта клиента|дисконтная карта|гость|абонент"
)
_SERVICE: Final = (
    "service|service code|product|product id|product code|sku|item|item id|item code|stock code|"
    "stockcode|article|plu|услуга|id услуги|код услуги|товар|id товара|код товара|артикул|"
    "номенклатура|код номенклатуры|тариф"
)
_DATE: Final = "date|datetime|date time|time|timestamp|дата|дата и время|дата время|время|момент"
_UPDATED: Final = "updated|modified|modified at|last modified|дата изменения|изменено|обновлено"

_EVERYWHERE: Final = {
    Columns.CLIENT_ID: _CLIENT,
    Columns.SERVICE_ID: _SERVICE,
    Columns.CAMPAIGN_ID: "campaign|campaign code|кампания|акция|id кампании|код кампании",
    Columns.UPDATED_AT: _UPDATED,
}
_OF_TABLE: Final = {
    RAW_TRANSACTIONS: {
        Columns.TRANSACTION_ID: "transaction|line id|sale id|id транзакции|номер транзакции|"
        "id строки|номер операции|id операции",
        Columns.BASKET_ID: "basket|receipt|receipt id|receipt no|invoice|invoice id|invoice no|"
        "order|order id|order no|order number|чек|номер чека|id чека|заказ|номер заказа|документ|"
        "номер документа|корзина",
        Columns.QUANTITY: "qty|count|units|pcs|количество|кол во|кол|шт",
        Columns.AMOUNT: "sum|total|total amount|line total|net amount|revenue|sales|sales value|"
        "paid|сумма|сумма оплаты|сумма продажи|сумма со скидкой|сумма чека|оплачено|выручка|"
        "стоимость|итого",
        Columns.DISCOUNT_AMOUNT: "discount|скидка|сумма скидки|размер скидки",
        Columns.TRANSACTED_AT: f"{_DATE}|transaction date|transaction time|order date|sale date|"
        "purchase date|invoice date|paid at|created at|дата продажи|дата покупки|дата чека|"
        "дата операции|дата оплаты|дата заказа|дата документа|период",
    },
    RAW_CLIENTS: {
        Columns.HAS_MARKETING_CONSENT: "marketing consent|marketing opt in|email opt in|"
        "согласие на рассылку|согласие на рекламу|согласие на маркетинг",
        Columns.REGISTERED_AT: "registered|registration date|signup date|sign up date|created at|"
        "дата регистрации|зарегистрирован|дата создания",
        Columns.AGE_BAND: "age|age group|возраст|возрастная группа",
        Columns.INCOME_BAND: "income|доход",
        Columns.MARITAL_STATUS: "семейное положение",
        Columns.HOUSEHOLD_SIZE: "размер семьи|членов семьи",
        Columns.KIDS_COUNT: "kids|children|дети|число детей|количество детей",
        Columns.BIRTH_YEAR: "year of birth|год рождения",
        Columns.REGION: "city|area|регион|город|область",
        _EMAIL: "e mail|mail|email address|почта|электронная почта|эл почта|имейл|емейл",
        _PHONE: "mobile|mobile phone|phone number|tel|telephone|телефон|номер телефона|"
        "мобильный|мобильный телефон|моб телефон|контактный телефон",
        _LOYALTY: "loyalty|loyalty card|loyalty number|bonus card|карта лояльности|"
        "номер карты лояльности|бонусная карта",
    },
    RAW_SERVICES: {
        Columns.PARTNER_ID: "partner|merchant id|партнер|партнёр|id партнера",
        Columns.SERVICE_NAME: "name|title|description|product name|item name|наименование|название|"
        "название услуги|наименование услуги|наименование товара",
        Columns.SERVICE_CATEGORY: "category|group|department|категория|группа|группа товаров|"
        "раздел|вид",
        Columns.TYPICAL_PRICE: "price|list price|unit price|цена|стоимость|розничная цена",
        Columns.MARGIN_RATE: "margin|маржа",
        Columns.LAUNCHED_AT: "launch date|start date|дата запуска|дата начала",
        Columns.WITHDRAWN_AT: "end date|дата окончания|дата вывода",
        Columns.MIN_AGE: "minimum age|age from|возраст от|минимальный возраст",
        Columns.MAX_AGE: "maximum age|age to|возраст до|максимальный возраст",
    },
    RAW_CAMPAIGNS: {
        Columns.CAMPAIGN_TYPE: "type|channel|тип|тип кампании|канал",
        Columns.STARTED_AT: "start|start date|started|начало|дата начала",
        Columns.ENDED_AT: "end|end date|ended|конец|окончание|дата окончания",
    },
    RAW_CAMPAIGN_CONTACTS: {
        Columns.CONTACTED_AT: f"{_DATE}|sent at|contact date|дата отправки|дата контакта",
        Columns.RESPONDED_AT: "responded|response date|отклик|дата отклика",
        Columns.IS_CONTROL: "control|control group|контроль|контрольная группа",
    },
    RAW_WEB_EVENTS: {
        Columns.EVENT_ID: "id события",
        Columns.EVENT_TYPE: "event|type|action|событие|тип события|действие",
        Columns.SEARCH_TEXT: "query|search|search query|запрос|поисковый запрос",
        Columns.OCCURRED_AT: f"{_DATE}|event time|event date|дата события|время события",
    },
    RAW_REVIEWS: {
        Columns.REVIEW_ID: "id отзыва",
        Columns.RATING: "score|stars|mark|оценка|рейтинг|балл",
        Columns.REVIEWED_AT: f"{_DATE}|review date|created at|дата отзыва",
    },
}
_UNIT_PRICE: Final = frozenset(
    [
        "price",
        "unit price",
        "item price",
        "price per unit",
        "цена",
        "цена за единицу",
        "цена за шт",
        "цена за штуку",
        "розничная цена",
    ]
)
EXACT, USUAL, PARTIAL = 1.0, 0.9, 0.6


def key_of(name: str) -> str:
    r"""A name as words, whatever parts them.

    >>> key_of("CustomerID"), key_of("Кол-во,\nшт."), key_of("client_id")
    ('customer id', 'кол во шт', 'client id')
    """
    parted = re.sub(r"(?<=[a-zа-я])(?=[A-ZА-Я])", " ", name)
    return " ".join(re.findall(r"[^\W_]+", parted.lower().replace("ё", "е")))


def _words(table: Table, column: str) -> frozenset[str]:
    said = {**_EVERYWHERE, **_OF_TABLE.get(table, {})}.get(column, "")
    return frozenset(word for word in said.replace("ё", "е").split("|") if word)


def known_keys(table: Table, columns: Iterable[str]) -> frozenset[str]:
    """All names by which a table's columns may go, as words."""
    names = list(columns)
    return frozenset(map(key_of, names)).union(
        *(_words(table, name) for name in names), _UNIT_PRICE
    )


def is_unit_price(name: str) -> bool:
    """Whether a column's name says a price of one piece."""
    return _begins(key_of(name), _UNIT_PRICE)


def likely_columns(
    table: Table, columns: Sequence[str], names: Sequence[str]
) -> dict[str, tuple[str, float]]:
    """Which of the contract's columns a file's may be.

    Parameters
    ----------
    table : Table
    columns : sequence of str
        Of the contract, that a file may bring.
    names : sequence of str
        The file's.

    Returns
    -------
    dict of str to (str, float)
        By the file's column: the contract's, each once, and the confidence from 0 to 1.
    """
    scores = sorted(
        (
            (_score(table, column, name), -names.index(name), name, column)
            for name in names
            for column in columns
        ),
        reverse=True,
    )
    found: dict[str, tuple[str, float]] = {}
    taken: set[str] = set()
    for score, _, name, column in scores:
        if score and name not in found and column not in taken:
            found[name] = column, score
            taken.add(column)
    return found


def _score(table: Table, column: str, name: str) -> float:
    key = key_of(name)
    if key == key_of(column):
        return EXACT
    words = _words(table, column)
    if key in words:
        return USUAL
    return PARTIAL if _begins(key, words) else 0.0


def _begins(key: str, words: frozenset[str]) -> bool:
    """Whether a name is a known one, with a unit or the like behind it."""
    parts = key.split()
    return len(parts) <= 4 and any(" ".join(parts[:end]) in words for end in range(1, 5))
