"""One word for one thing, the field's own: words that were given up for a standard term do not come back.

`TEXTS` are looked for in every file of the repository, `NAMES` among the classes, functions and modules of the
package. A word that may stay somewhere is listed with its reason, and leaves the list with its last use.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "amocrm_assets"

# What is looked for, and what to write instead.
TEXTS = {
    r"(?i)\bpacer\b|_pacer_|\bpacing\b": "rate limiter, rate limiting",
    r"\bTurn\b(?! \w)": "Permit",
    r"handover_delay|slow_down|speed_up": "drain_delay, back_off, recover",
    r"server_now|SlowDown|TokenRefused": "server_time, RateLimited, Unauthorized",
    r"TellingAdapter|session_with": "SendHookAdapter, make_session",
    r"LeadRights|zone_difference": "LeadPermissions, timezone_mismatch",
    r"ReadingPlan|next_ask|KeyWalk|CoverWalk": "ReadPlanner, next_query, KeysetPaginator, …",
    r"TooRestless|TieTooLarge|LeadLine|ReadingCost": "EditsTooFrequent, TieExceedsPage, RawRecord, PerDayStats",
    r"NewPair|StoredPair|AnswerLost": "TokenResponse, StoredTokens, ResponseLost",
    r"MayPass|NeedsPerson|came_back|\bnext_step\b": "TransientError, ActionRequired, cause, fix",
    r"(?i)\bmend(s|ed|ing)?\b|_mend": "fix",
    r"CaptureFacts|captured_days|_proven_lines": "CaptureHeader, days_with_capture, _verified_lines",
    r"BatchMaker|(?i:misfit)|OddityNotes|FieldChoice": "RecordBatchBuilder, malformed, …",
    r"give_away|(?i:sweep)": "hand_off, remove_stale",
    r"ShardPut|\bpatience\b|PATIENCE": "LoadResult, timeouts",
    r"(?i)catalogue": "custom fields, or INFORMATION_SCHEMA",
    r"\bStanding\b": "status, or LeadVersion in the sandbox",
    r"\bzone_of\b": "platform_of",
    r"\b(MOST|LEAST|LONGEST|SLOWEST)_|_(MOST|LEAST|LONGEST|SLOWEST)\b": "MAX_, MIN_",
    r"(?i)\baffairs?\b|\bknown to `": "see `module`",
    r"(?<!os\.)(?<!ast\.)\bwalk(s|ed)? (by|of|over|takes)\b": "pagination, paginator, pass",
    r"(?i)\b(a|one|the) walk\b|_walk_(?!packages)": "pagination, paginator, pass",
    r"(?i)\bstretch(es)?\b|_stretch(es)?_": "range",
    r"in the making": "unfinished",
    r"(?i)\blets? go of\b|\bbreaks? off\b": "releases, ends, stops",
    r"(?i)\bdo not ask on\b|\basking on\b": "send no further requests",
    r"(?i)\bif it stays so\b": "if it still fails",
    r"(?i)\b(gives?|given) out\b": "returns, returned",
    r"(?i)\bmidnights bound\b|\bbounded by midnights\b": "starts and ends at midnight",
    r"(?i)\bpath begins at the project\b": "is resolved against the project",
    r"(?i)\bmay pass by itself\b|fails as \*may pass\*": "transient, retried",
    r"(?i)\bworking folder\b": "working directory",
    r"(?i)\bprocessor time\b|\bseconds of processor\b": "CPU time",
    r"(?i)\bpoorer (rows|shards?)\b": "fewer rows, an incomplete shard",
    r"(?i)\bpage of consent\b": "OAuth consent page",
    r"(?i)\bsafe for threads\b": "thread-safe",
    r"(?i)\bfiles on their way\b": "temporary files",
    r"\b[Ss]tretch(es)?\b|\bstretches_": "range, interval",
    r"(?i)## what to know|manners\b": "notes, pitfalls, behaviour",
    r"(?i)\bnothing was seen but\b": "only … is known",
    r"(?i)\bdeeds?\b|\bDeedLog\b": "change, ChangeLog",
    r"GivenList|given_lists|given_api|\bdamaged_rows\b": "CustomList, custom_lists, corrupted_rows",
    r"\b_?judged?(_\w+)?\b": "verdict (probe), result (checks), compared, validated",
}
TEXTS_STAY: dict[tuple[str, str], str] = {}

NAMES = {
    "take": "acquire, add, run",
    "judge": "assess, raise_for_status",
    "ask": "request, admit",
    "look": "evaluate, find, stat",
    "tell": "report, send",
    "greet": "probe_connection",
    "feed": "add",
    "put": "load, write",
    "resolve": "resolve_host",
    "exchange": "request_once",
    "give_away": "hand_off",
    "cut": "split",
    "differences": "settings_warnings",
    "standing": "status",
    "renaming": "account_move",
    "refusals": "errors",
    "reaching": "connectivity",
    "rights": "permissions",
    "walks": "pagination",
    "ahead": "prefetch",
    "merging": "merge",
    "sweep": "remove_stale",
    "scratch": "temp_file",
    "progress": "run_listener",
    "Answer": "Response",
    "Traffic": "RequestStats",
    "Passing": "TransientError",
    "Closed": "ClientClosed",
    "Reading": "WindowReader",
    "Listing": "RecordList, ShardList",
    "Seen": "PageStats, ListedRecord",
    "Dense": "DenseRange",
    "Cover": "IntervalSet",
    "Versions": "LatestVersions",
    "Texts": "ValueFormatter",
    "Unexpected": "InternalError",
    "Redirects": "RedirectServer",
    "answers": "responses",
}
NAMES_STAY = {
    ("exchange", "crm/http/exchange.py"): "a request and its response, bounded as one: HTTP's own word",
    ("resolve", "crm/http/exchange.py"): "looks a host up",
    ("progress", "crm/pagination/keyset.py"): "a property of a paginator: how far it has come",
    ("progress", "crm/pagination/overlap.py"): "likewise",
    ("progress", "crm/pagination/unreturned.py"): "likewise",
    ("_exchange", "crm/http/sender.py"): "a request and its response",
    ("_progress", "orchestration/day_coverage.py"): "how far the days of an asset have come",
    ("_refusals", "crm/probe/connection.py"): "of the probe: the refused requests",
    ("_rights", "crm/permissions.py"): "reads `rights` of a user, amoCRM's own name",
}

# Gestures: not as a whole name, and not as its first word, whether private or not.
GESTURES = re.compile(r"_?(tell|ask|believe|cut|take|look|greet|feed)(_|$)", re.IGNORECASE)
GESTURES_STAY = {
    ("look_up", "crm/http/exchange.py"): "looks a host up: the term of DNS",
}


def files() -> list[Path]:
    """Those of the repository that people write and read."""
    texts = {".py", ".md", ".toml", ".cfg", ".yaml", ".service", ".example"}
    below = ("amocrm_assets", "amocrm_assets_tests", "benchmarks", "deploy", "docs")
    found = [path for folder in below for path in (ROOT / folder).rglob("*")] + list(ROOT.glob("*"))
    return [path for path in found if path.suffix in texts | {""} and path.is_file() and path != Path(__file__)]


@pytest.mark.parametrize("pattern", TEXTS)
def test_a_word_that_was_given_up_is_in_no_file(pattern: str) -> None:
    found = {}
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        lines = [line for line in (name, *path.read_text("utf-8").splitlines()) if re.search(pattern, line)]
        if lines and (pattern, name) not in TEXTS_STAY:
            found[name] = lines
    assert not found, f"write {TEXTS[pattern]}"


def defined(path: Path) -> set[str]:
    """Names of a module, its classes and its functions."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {path.stem} | {
        node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds)
    }


@pytest.mark.slow
def test_no_module_class_or_function_has_a_name_that_was_given_up() -> None:
    found = {
        (name, path.relative_to(PACKAGE).as_posix())
        for path in PACKAGE.rglob("*.py")
        for name in defined(path)
        if name.removeprefix("_") in NAMES and not GESTURES.match(name)
    }
    assert {each: NAMES[each[0].removeprefix("_")] for each in sorted(found - NAMES_STAY.keys())} == {}
    assert NAMES_STAY.keys() - found == set(), "no longer there: take it out of the list"


def test_no_module_class_or_function_is_named_after_a_gesture() -> None:
    found = {
        (name, path.relative_to(PACKAGE).as_posix())
        for path in PACKAGE.rglob("*.py")
        for name in defined(path)
        if GESTURES.match(name)
    }
    assert sorted(found - GESTURES_STAY.keys()) == []
    assert GESTURES_STAY.keys() - found == set(), "no longer there: take it out of the list"


@pytest.mark.parametrize("key", ["dagster/column_schema", "dagster/column_lineage"])
def test_a_metadata_key_of_dagster_is_written_once(key: str) -> None:
    found = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if key in path.read_text("utf-8")
    }
    assert found == {"orchestration/metadata.py"}
