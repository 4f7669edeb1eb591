"""The account's custom fields: their definitions, and for each field a few dozen values as leads carry them.

Every type that leads can have is here, each value in the shape amoCRM sends. Which lead has which value is
decided by `leads`.
"""

from __future__ import annotations

from datetime import date, datetime
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from amocrm_assets.sandbox.account import sample_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.sandbox.options import SandboxOptions

VARIANTS = 64  # different values of one field
_FIRST_FIELD = 700_001
_FIRST_ENUM = 900_001
_ADDRESS_PARTS = ("address_line_1", "address_line_2", "city", "state", "zip", "country")

Values = list[dict[str, Any]]
Declared = tuple[str, str | None, str, tuple[str, ...]]

# name, code, type, choices. Two fields share a name, as in real accounts.
_FIELDS: tuple[Declared, ...] = (
    ("Город", "CITY", "text", ()),
    ("Комментарий", None, "textarea", ()),
    ("Количество", None, "numeric", ()),
    ("Предоплата", None, "monetary", ()),
    ("Постоянный клиент", None, "checkbox", ()),
    ("Источник обращения", None, "select", ("Сайт", "Звонок", "Выставка", "Рекомендация")),
    ("Форма оплаты", None, "radiobutton", ("Наличные", "Карта", "Счёт")),
    ("Интересы", None, "multiselect", ("Опт", "Розница", "Сервис", "Обучение", "Leasing")),
    ("Дата договора", None, "date", ()),
    ("День рождения", None, "birthday", ()),
    ("Встреча", None, "date_time", ()),
    ("Страница заявки", None, "url", ()),
    ("Адрес", None, "streetaddress", ()),
    ("Адрес доставки", None, "smart_address", ()),
    ("Реквизиты", None, "legal_entity", ()),
    ("Товары", None, "chained_list", ()),
    ("Договор", None, "file", ()),
    ("Итог с НДС", None, "numeric", ()),
    ("Комментарий", "COMMENT_2", "text", ()),
    ("utm_source", "UTM_SOURCE", "tracking_data", ()),
    ("utm_medium", "UTM_MEDIUM", "tracking_data", ()),
    ("utm_campaign", "UTM_CAMPAIGN", "tracking_data", ()),
    ("_ym_uid", "_YM_UID", "tracking_data", ()),
)
_COMPUTED = "Итог с НДС"


class CustomFields:
    """The definitions as `/leads/custom_fields` lists them, and what leads carry, by field."""

    def __init__(self, options: SandboxOptions) -> None:
        self._zone = ZoneInfo(options.timezone)
        rng = Random(f"fields {options.seed}")  # noqa: S311  # it generates data, no secrets
        declared = list(_FIELDS)
        if options.unknown_field_type:
            declared.append(("Настроение", None, "mood_ring", ()))
        ordinary = len(declared)
        declared += [(f"Поле {number}", None, "text", ()) for number in range(1, options.extra_custom_fields + 1)]
        self.definitions = [
            _definition(options.account_id, number, each) for number, each in enumerate(declared, start=1)
        ]
        self.carried = [
            [self._entry(definition, rng) for _ in range(VARIANTS)] for definition in self.definitions[:ordinary]
        ]

    def rename(self, field_id: int, name: str) -> None:
        """Give a field another name: it changes what every lead shows, and no lead's `updated_at`."""
        for definition in self.definitions:
            if definition["id"] == field_id:
                definition["name"] = name
        for variants in self.carried:
            for entry in variants:
                if entry["field_id"] == field_id:
                    entry["field_name"] = name

    def _entry(self, definition: dict[str, Any], rng: Random) -> dict[str, Any]:
        entry = {
            "field_id": definition["id"],
            "field_name": definition["name"],
            "field_code": definition["code"],
            "field_type": definition["type"],
            "values": self._values(definition, rng),
        }
        return entry | {"is_computed": True} if definition["is_computed"] else entry

    def _values(self, definition: dict[str, Any], rng: Random) -> Values:
        kind = definition["type"]
        if kind in ("select", "radiobutton"):
            return [_chosen(rng.choice(definition["enums"]))]
        if kind == "multiselect":
            return [_chosen(each) for each in rng.sample(definition["enums"], rng.randint(1, 3))]
        if kind in ("date", "birthday"):
            return [{"value": self._local_midnight(date.fromordinal(rng.randint(729_000, 740_000)))}]
        return _INVENT[kind](rng)

    def _local_midnight(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp())


def many_text_values(count: int) -> Values:
    """A large number of filled fields of one lead, to slow a reader down."""
    return [
        {
            "field_id": 5_000_000 + number,
            "field_name": f"Поле {number}",
            "field_code": None,
            "field_type": "text",
            "values": [{"value": str(number)}],
        }
        for number in range(count)
    ]


def _definition(account_id: int, number: int, declared: Declared) -> dict[str, Any]:
    name, code, kind, choices = declared
    tracked = kind == "tracking_data"
    return {
        "id": _FIRST_FIELD + 2 * number,
        "name": name,
        "type": kind,
        "account_id": account_id,
        "code": code,
        "sort": 500 + number,
        "is_api_only": False,
        "enums": _enums(number, choices),
        "group_id": "statistic" if tracked else "default",
        "required_statuses": [],
        "is_deletable": not tracked,
        "is_predefined": tracked,
        "entity_type": "leads",
        "is_computed": name == _COMPUTED,
        "tracking_callback": "",
        "remind": "never" if kind == "birthday" else None,
        "triggers": [],
        "currency": "RUB" if kind == "monetary" else None,
        "hidden_statuses": [],
        "chained_lists": [{"catalog_id": 1001, "parent_catalog_id": None}] if kind == "chained_list" else None,
    }


def _enums(number: int, choices: tuple[str, ...]) -> Values | None:
    if not choices:
        return None
    return [
        {"id": _FIRST_ENUM + 100 * number + place, "value": choice, "sort": place, "code": None}
        for place, choice in enumerate(choices)
    ]


def _chosen(enum: dict[str, Any]) -> dict[str, Any]:
    return {"value": enum["value"], "enum_id": enum["id"], "enum_code": enum["code"]}


def _street(rng: Random) -> str:
    return f"{rng.choice(sample_texts.STREETS)}, {rng.randint(1, 90)}"


def _smart_address(rng: Random) -> Values:
    parts = (
        _street(rng),
        f"офис {rng.randint(1, 40)}",
        rng.choice(sample_texts.TOWNS),
        "",
        f"{rng.randrange(10**6):06}",
        "RU",
    )
    return [
        {"value": part, "enum_id": place, "enum_code": code}
        for place, (part, code) in enumerate(zip(parts, _ADDRESS_PARTS, strict=True), start=1)
        if part
    ]


def _legal_entity(rng: Random) -> Values:
    firm = {
        "name": rng.choice(sample_texts.FIRMS),
        "entity_type": rng.choice((1, 2)),
        "vat_id": f"00{rng.randrange(10**8):08}",
        "kpp": None,
        "tax_registration_reason_code": None,
        "address": _street(rng),
        "real_address": None,
        "bank_code": None,
        "bank_account_number": None,
        "director": rng.choice((None, *sample_texts.PEOPLE)),
        "external_uid": None,
    }
    return [{"value": firm}]


def _file(rng: Random) -> Values:
    return [
        {
            "value": {
                "file_uuid": f"{rng.getrandbits(64):016x}",
                "version_uuid": f"{rng.getrandbits(64):016x}",
                "file_name": f"договор {rng.randint(1, 900)}.pdf",
                "file_size": rng.randint(10_000, 900_000),
                "is_deleted": False,
            }
        }
    ]


def _chained_list(rng: Random) -> Values:
    """Its items have no `value`."""
    return [{"catalog_id": 1001, "catalog_element_id": rng.randint(1, 500)} for _ in range(rng.randint(1, 3))]


def _text(*choices: str) -> Callable[[Random], Values]:
    return lambda rng: [{"value": rng.choice(choices)}]


_INVENT: dict[str, Callable[[Random], Values]] = {
    "text": _text(*sample_texts.TOWNS),
    "textarea": _text(*sample_texts.REMARKS),
    "numeric": lambda rng: [{"value": rng.choice((str(rng.randint(1, 40)), f"{rng.randint(1, 99)}.5"))}],
    "monetary": lambda rng: [{"value": f"{rng.randint(1, 900)}00.{rng.choice(('00', '50', '90'))}"}],
    "checkbox": lambda rng: [{"value": rng.choice((True, True, False))}],
    "date_time": lambda rng: [{"value": 1_735_700_000 + 900 * rng.randrange(60_000)}],
    "url": lambda rng: [{"value": f"https://shop.example/p/{rng.randint(1, 999)}?ref=a&b=%D1%8F"}],
    "streetaddress": lambda rng: [{"value": _street(rng)}],
    "smart_address": _smart_address,
    "legal_entity": _legal_entity,
    "tracking_data": _text("google", "yandex", "cpc", "organic", "newsletter", "spring_sale", "(none)"),
    "chained_list": _chained_list,
    "file": _file,
    "mood_ring": lambda rng: [{"value": {"colour": rng.choice(("blue", "amber")), "depth": [1, None, 2.5]}}],
}
