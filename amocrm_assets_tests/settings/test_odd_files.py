"""Files of sources that cannot be read, or are beyond all bounds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm_assets.settings.source_files import read_sources
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.settings.loading import load_sources
from amocrm_assets_tests.settings.source_texts import GOOD, HEAD, problems_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("attributes: {}\n", "begins with `type: amocrm_assets.AmoCrmSource`"),
        ("type: dagster.PythonScriptComponent\n", "begins with `type: amocrm_assets.AmoCrmSource`"),
        ("- a\n", "begins with `type: amocrm_assets.AmoCrmSource`"),
        (f"{HEAD}  subdomain: a\nsubdomian: b\n", "`subdomian` is not allowed next to `type`"),
        (
            f"{HEAD}  subdomain: a\npost_processing: {{assets: [{{}}]}}\n",
            "`post_processing` is not applied here: only",
        ),
        (
            f"{HEAD}  subdomain: a\ntemplate_vars_module: .vars\n",
            "`template_vars_module` is not applied here: its",
        ),
        (f"{HEAD}  subdomain: a\nrequirements: [NAME]\n", "`requirements` must name environment variables."),
        (f"{HEAD}  subdomain: a\nrequirements: {{env: NAME}}\n", "`requirements` must name environment"),
        (f"{HEAD}  subdomain: a\nrequirements: {{other: [A]}}\n", "`requirements` must name environment"),
        ("type: amocrm_assets.AmoCrmSource\nattributes: [a]\n", "`attributes` must contain the settings as"),
        (f"{HEAD}  subdomain: a\n  subdomain: b\n", "`subdomain` is repeated"),
        (f"{HEAD}  subdomain: '{{{{ env.NAME }}}}'\n", "templates are not filled in here"),
        ("\t- : a", "not readable as YAML"),
        (f"{HEAD}  subdomain: !!python/name:os.system\n", ":3: this is not readable as YAML: could not determine"),
        (f"{HEAD}  tags: &a\n    b: *a\n", "refers to a value that contains it"),
        (f"{HEAD}  ? [a, b]\n  : c\n", "found unhashable key"),
        (f"{HEAD}  ? {{a: b}}\n  : c\n", "found unhashable key"),
        ("[" * 5000, "not readable as YAML"),
        (f"{HEAD}  start_date: !!int soon\n", "not readable as YAML"),
        (f"{HEAD}  start_date: !!bool soon\n", "not readable as YAML"),
        (f"{HEAD}  tags: !!binary ä\n", "not readable as YAML"),
    ],
)
def test_a_file_that_is_no_source_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    file = write_source(tmp_path, "acme", GOOD)
    file.write_text(text, encoding="utf-8")
    assert expected in problems_of(tmp_path)[0]


def test_a_file_that_is_no_text_is_explained(tmp_path: Path) -> None:
    write_source(tmp_path, "acme", GOOD).write_bytes(b"\xff\xfe\x00")
    assert "not readable" in problems_of(tmp_path)[0]


def laughing(*, levels: int = 9, times: int = 9) -> str:
    """A few hundred bytes of aliases that come to 9 ** 9 values."""
    lines = ["x: &a0 [x]"]
    lines += [f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * times)}]" for n in range(1, levels + 1)]
    return f"{HEAD}  tags:\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (laughing(), 9, "more than 20,000 values"),
        (f"{HEAD}  owners: &a [x]\n" + "  tags: [" + "*a, " * 20_000 + "]\n", 4, "more than 20,000 values"),
        (HEAD + "".join(f"  key{n}: 1\n" for n in range(50_000)), 10_000, "more than 20,000 values"),
        (f"{HEAD}  tags: {'[' * 100_000}", 3, "more than 20 levels of nesting"),
        (
            f"{HEAD}  tags:\n" + "".join(f"{' ' * n}a:\n" for n in range(4, 400)),
            22,
            "more than 20 levels of nesting",
        ),
        (f"{HEAD}  owners: [{'x, ' * 400_000}]\n", 1, "more than 1,000,000 bytes"),
        (f"{HEAD}  display_name: a\0b\n", 3, "a character that YAML does not allow"),
        (f"{HEAD}  display_name: Иван\n  subdomain: \x07\n", 4, "a character that YAML does not allow"),
        (f"{HEAD}  tags: &a\n    b: *a\n", 4, "refers to a value that contains it"),
    ],
    ids=["laughs", "alias", "keys", "flow", "blocks", "size", "NUL", "BEL", "itself"],
)
def test_a_file_beyond_all_bounds_is_a_problem_that_names_its_line(
    tmp_path: Path, text: str, line: int, expected: str
) -> None:
    file = write_source(tmp_path, "acme", GOOD)
    file.write_text(text, encoding="utf-8")
    (problem,) = problems_of(tmp_path)
    assert problem.startswith(f"{file}:{line}: this is not readable as YAML:")
    assert expected in problem


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251"])
def test_a_file_in_another_encoding_is_a_problem_that_says_so(tmp_path: Path, encoding: str) -> None:
    file = write_source(tmp_path, "acme", {**GOOD, "display_name": "Иван"})
    file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))
    (problem,) = problems_of(tmp_path)
    assert "it is not UTF-8. Save it in that encoding." in problem


def test_a_file_may_begin_with_the_mark_that_windows_writes(tmp_path: Path) -> None:
    file = write_source(tmp_path, "acme", GOOD)
    file.write_bytes(file.read_text(encoding="utf-8").encode("utf-8-sig"))
    assert [source.subdomain for source in load_sources(tmp_path)] == ["acme"]


def test_anchors_within_reason_are_read(tmp_path: Path) -> None:
    source = "  subdomain: {0}\n  start_date: 2026-01-01\n  access_token_env: A\n"
    file = write_source(tmp_path, "acme", GOOD)
    file.write_text(
        f"{HEAD}{source.format('one')}  tags: {{a: &a sales, b: *a}}\n---\n{HEAD}{source.format('two')}",
        encoding="utf-8",
    )
    assert [found.tags for found in load_sources(tmp_path)] == [{"a": "sales", "b": "sales"}, {}]


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    os.mkfifo(tmp_path / "acme" / "defs.yaml")
    assert "it is not a file" in problems_of(tmp_path)[0]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
_KNOWN = [*GOOD, "schedule", "oauth", "tags", "owners", "base_url", "leads_custom_fields"]
_NAMES = st.sampled_from(_KNOWN) | st.text()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attributes=st.dictionaries(_NAMES, _VALUES, max_size=6))
def test_whatever_stands_in_a_file_it_is_a_source_or_an_explained_problem(
    tmp_path: Path, attributes: dict[str, Any]
) -> None:
    write_source(tmp_path, "acme", attributes)
    read = read_sources(tmp_path)
    assert len(read.found) + len(read.broken) == 1
    assert all("defs.yaml" in each.error().cause for each in read.broken)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_whatever_a_file_holds_the_loader_does_not_crash(tmp_path: Path, text: str) -> None:
    write_source(tmp_path, "acme", GOOD).write_bytes(text.encode("utf-8", errors="surrogatepass"))
    assert len(read_sources(tmp_path).broken) == 1
