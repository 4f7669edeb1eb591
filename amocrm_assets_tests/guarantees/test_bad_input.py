"""Whatever is in an answer or on the command line: the right value, a counted oddity, or a message."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.cli import COMMANDS, main
from amocrm_assets.entities import LEADS
from amocrm_assets.sandbox import Sandbox, SandboxOptions
from amocrm_assets.settings import documents
from amocrm_assets_tests.accounts import DAY, leads_of
from amocrm_assets_tests.guarantees.whole_way import WholeWay, hurried_client

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

Json = dict[str, Any]
ACCOUNT: Json = {
    "populations": (leads_of(DAY, 150), leads_of(DAY, 10, deleted=True)),
    "requests_per_second": None,
    "page_limit_max": 40,
    "page_limit_default": 40,
}
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1e308, -0.0, 1.5, "", "7", "word",
    "before\x00after", "\ud83d", "\udc00\ud83d", "\U0001f600 שלום عربى 漢字", "\u2028", [], {}, [[]], [None], [{}],
    {"value": 1}, {"value": None}, [{"value": {"a": [1, {}]}}], [{"field_id": "x", "values": [{"value": []}]}],
    [{"field_id": 1, "field_name": 5, "values": {"0": {"value": "x"}}}], json.loads("[" * 40 + "]" * 40),
)  # fmt: skip
WORDS = (
    "acme", "--from", "--to", "2026-02-30", "2026-03-01", "--json", "--missing", "-x", "--port", "--help",
    "--from=9999-12-31", "--to=0001-01-01", "--", "--set", "a=", "=", "--fault", "../..", "", "\x00", "ё" * 300,
)  # fmt: skip
# Of these the reading itself lives, and refuses what it cannot use.
KEPT = ("id", "updated_at", "is_deleted", "account_id")


def go(way: WholeWay, sandbox: Sandbox) -> None:
    stood = way.stands(sandbox, DAY)
    with hurried_client(sandbox) as client:
        way.go(client, [DAY])
    way.check_complete(sandbox, DAY, stood=stood)


@pytest.mark.rounds(4, 300)
def test_any_value_in_any_place_of_a_lead(served: Sandbox, way: WholeWay, seed: int) -> None:
    chance = random.Random(seed)
    served.reset(SandboxOptions(**ACCOUNT))
    served.rewrite = lambda body: _rewritten(body, lambda lead: _spoil(lead, chance))
    go(way, served)

    sent = _captured(way)
    noted = {oddity.kind.partition(":")[0] for oddity in way.written[0].oddities}
    for row in way.shard(DAY):
        _check_row(row, sent[row["id"]], noted)


def test_a_megabyte_of_text_in_every_script_arrives_whole(served: Sandbox, way: WholeWay) -> None:
    text = "".join(chr(code) for code in range(1, 0x2FA20) if not 0xD800 <= code < 0xE000) * 4
    served.reset(SandboxOptions(**ACCOUNT))
    served.rewrite = lambda body: _rewritten(body, lambda lead: lead.update(_named(lead, text)))
    go(way, served)

    assert len(text.encode()) > 1_000_000
    long = [row for row in way.shard(DAY) if row["id"] % 50 == 0 and not row["is_deleted"]]
    assert len(long) == 3
    assert all(row["name"] == text for row in long)


def test_an_account_with_ten_thousand_custom_fields(served: Sandbox, way: WholeWay) -> None:
    served.reset(SandboxOptions(**ACCOUNT, extra_custom_fields=10_000))
    go(way, served)

    fields = [field for row in way.shard(DAY) for field in row["custom_fields"]]
    assert fields
    assert all(field["is_system"] is not None for field in fields)
    assert way.written[0].oddities == ()


@pytest.mark.rounds(3, 300)
def test_answers_of_another_shape_are_asked_for_again(served: Sandbox, way: WholeWay, seed: int) -> None:
    chance = random.Random(seed)
    served.reset(SandboxOptions(**ACCOUNT))
    served.rewrite = lambda body: _reshaped(body, chance) if chance.random() < 0.2 else body
    go(way, served)

    assert way.written[0].oddities == ()


@pytest.mark.rounds(25, 2000)
def test_any_words_on_the_command_line_end_in_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    chance = random.Random(seed)
    (tmp_path / "defs" / "acme").mkdir(parents=True)
    attributes = {
        "subdomain": "acme",
        "start_date": "2026-01-01",
        "access_token_env": "UNSET",
        "import_leads": False,
    }
    settings = {"type": documents.COMPONENT, "attributes": attributes | {"base_url": "http://127.0.0.1:9"}}
    (tmp_path / "defs" / "acme" / "defs.yaml").write_text(json.dumps(settings), encoding="utf-8")
    monkeypatch.setenv("AMOCRM_SOURCES", str(tmp_path / "defs"))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/warehouse.duckdb")
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("AMOCRM_TOKENS", str(tmp_path / "tokens"))
    # These three do not end by themselves when their words happen to be right.
    commands = [*(set(COMMANDS) - {"sandbox", "demo", "connect"}), "", "nonsense"]
    arguments = [chance.choice(sorted(commands)), *(chance.choice(WORDS) for _ in range(chance.randrange(5)))]

    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code in {0, 1, 2}, arguments
    printed = capsys.readouterr()
    assert printed.out or printed.err, arguments


def _rewritten(body: bytes, change: Any) -> bytes:
    page = json.loads(body)
    for lead in page.get("_embedded", {}).get("leads", ()):
        change(lead)
    return json.dumps(page).encode()


def _named(lead: Json, text: str) -> Json:
    return {"name": text} if lead["id"] % 50 == 0 else {}


def _spoil(lead: Json, chance: random.Random) -> None:
    """Put odd values into a lead, anywhere but where reading finds its place."""
    for _ in range(chance.randrange(4)):
        place: Any = lead
        key: Any = chance.choice([name for name in lead if name not in KEPT])
        while isinstance(place[key], dict | list) and place[key] and chance.random() < 0.7:
            place = place[key]
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        place[key] = _odd(chance)
    if chance.random() < 0.1:
        lead[chance.choice(["new_property", "", "\ud800", "id "])] = _odd(chance)


def _odd(chance: random.Random) -> Any:
    """A copy, since an odd value may be put into one that is there already, and must not end within itself."""
    return deepcopy(chance.choice(ODD))


def _reshaped(body: bytes, chance: random.Random) -> bytes:
    """A page, an account or a list of fields of which a needed part is of a wrong kind."""
    response = json.loads(body)
    leads = response.get("_embedded", {}).get("leads")
    match chance.randrange(5):
        case 0:
            return json.dumps(chance.choice([None, 1, "text", [], {}])).encode()
        case 1 if leads:
            chance.choice(leads)["id"] = chance.choice([None, "text", {}, [1]])
        case 2 if leads:
            chance.choice(leads)["updated_at"] = chance.choice([None, "text", {}, [1]])
        case 3 if leads:
            leads[chance.randrange(len(leads))] = chance.choice([None, 5, "text", [], {}])
        case _:
            response["id" if "id" in response else "_embedded"] = chance.choice(
                [None, 1.5, "text", {"other": 1}, [1]]
            )
    return json.dumps(response).encode()


def _captured(way: WholeWay) -> dict[int, Json]:
    sent: dict[int, Json] = {}
    for name in capture_names(LEADS, way.storage, way.source.subdomain, DAY):
        with open_capture(LEADS, way.storage, name) as capture:
            sent |= {lead["id"]: lead for lead in map(json.loads, capture.records)}
    return sent


def _check_row(row: Json, lead: Json, noted: set[str]) -> None:
    """Each plain column holds what was sent; where that does not fit, null, and an oddity says so."""
    for column in LEADS.table.columns:
        sent = lead.get(column.sent_as)
        if column.type == "INTEGER":
            right: Any = _integer(sent)
        elif column.type == "STRING":
            right = _unicode(sent) if isinstance(sent, str) else None
        else:
            continue
        assert row[column.name] == right, column.name
        if type(sent) is not type(right) and not (type(sent) is float and right is not None):
            assert column.name in noted
        elif isinstance(sent, str) and sent != right:
            assert "lead" in noted


def _integer(sent: Any) -> int | None:
    if isinstance(sent, str) and sent.isdecimal():
        return int(sent)
    if isinstance(sent, bool) or not isinstance(sent, int | float) or sent != sent // 1:
        return None
    return int(sent) if -(2**63) <= sent < 2**63 else None


def _unicode(sent: str) -> str:
    return "".join("\ufffd" if "\ud800" <= each < "\ue000" else each for each in sent)
