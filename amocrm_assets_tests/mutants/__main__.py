"""`python -m amocrm_assets_tests.mutants [MODULE]`, as `make mutants` calls it.

What was tried before is not tried again until the module changes: outcomes are kept in `.cache/mutants`. The
tests run in a copy of the project, so that the tree in front of you stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tomllib
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_ray import mutating, plugins
from cosmic_ray.commands.init import init
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

from amocrm_assets_tests.mutants.forked_tests import ForkedTests
from amocrm_assets_tests.mutants.nearest import modules_in, modules_of, nearest_tests, tests_around
from amocrm_assets_tests.mutants.operators import OwnOperators, meaningless_spots

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cosmic_ray.work_item import WorkItem

PROJECT = Path.cwd()
CACHE = PROJECT / ".cache" / "mutants"
COPIED = (
    "amocrm_assets", "amocrm_assets_tests", "docs", "examples", "benchmarks", "requirements", "pyproject.toml",
    "setup.cfg", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "workspace.yaml", "dagster_home",
)  # fmt: skip
PYTEST = ("-q", "-p", "no:cacheprovider", "--hypothesis-seed=1")
# Of all that may stand for a comparison or a sum, its opposite and its neighbour: the others say the same again.
MEANINGLESS = re.compile(
    r"core/(RemoveDecorator|ReplaceUnaryOperator_[^D]|ReplaceBinaryOperator_(?!(Add_Sub|Sub_Add|Mul_Div|Div_Mul|"
    r"FloorDiv_Mul|Mod_Mul)$)|ReplaceComparisonOperator_(?!(Is_IsNot|IsNot_Is|Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|"
    r"Gt_GtE|GtE_Gt|Lt_GtE|LtE_Gt|Gt_LtE|GtE_Lt)$))"
)


@dataclass(frozen=True)
class Score:
    """What came of the mutants of a module: how many were tried, which lived, and why if known."""

    module: str
    tried: int
    left: int
    survivors: tuple[tuple[str, str | None], ...]

    @property
    def killed(self) -> int:
        """How many a test noticed."""
        return self.tried - len(self.survivors)

    def lines(self) -> Iterator[str]:
        """For a person."""
        known = sum(why is not None for _, why in self.survivors)
        share = self.killed / self.tried if self.tried else 1.0
        rest = f", {self.left} not tried yet" if self.left else ""
        yield f"{self.module}: {self.killed} of {self.tried} killed ({share:.0%}), {known} explained{rest}"
        for change, why in self.survivors:
            yield f"  survived: {change}" + (f"\n    because {why}" if why else "")


def main(arguments: Sequence[str]) -> int:
    """Try the mutants of the modules that are named, and print a score for each; 1 when one lives unexplained."""
    plugins.OPERATOR_PROVIDERS["own"] = OwnOperators()
    unexplained = 0
    wanted = set(modules_of(arguments[0] if arguments else ""))
    try:
        for folder in sorted({module.parent for module in wanted}):
            for score in scores(modules_in(folder), wanted):
                print("\n".join(score.lines()), flush=True)  # noqa: T201  # it is a command
                unexplained += sum(why is None for _, why in score.survivors)
    except KeyboardInterrupt:
        print("stopped; the next call goes on from here")  # noqa: T201
        return 130
    return 1 if unexplained else 0


def scores(modules: Sequence[Path], wanted: Collection[Path]) -> Iterator[Score]:
    """The scores of those that are wanted of a folder's modules. What was tried is kept for the next call."""
    place = CACHE / str(modules[0].parent).replace("/", ".")
    tree = _copied(place)
    os.environ["PYTHONPATH"] = str(tree)
    around = tests_around(modules)
    tests = ForkedTests(tree, [tree / "amocrm_assets" / module for module in modules], PYTEST, around)
    with chdir(tree), closing(tests):
        for module in filter(wanted.__contains__, modules):
            path = tree / "amocrm_assets" / module
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            session = place / f"{module.stem}-{digest}.sqlite"
            mode = WorkDB.Mode.open if session.exists() else WorkDB.Mode.create
            with use_db(str(session), mode) as work:
                if not work.num_work_items:
                    init([path], work, {})
                _skip_meaningless(work, path)
                note, state = session.with_suffix(".tests"), _digest(around)
                changed = not note.exists() or note.read_text() != state
                if due := _due(work, module, survivors=changed):
                    tests.start([file for each in modules for file in nearest_tests(each)])
                    tests.mutate(path, nearest_tests(module))
                    _try(due, work, tests)
                note.write_text(state)
                yield _score(work, module)


def _copied(place: Path) -> Path:
    tree = place / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    return tree


def _skip_meaningless(work: Any, mutated: Path) -> None:
    spots, lines = meaningless_spots(mutated), mutated.read_text().splitlines()
    skipped = WorkResult(worker_outcome=WorkerOutcome.SKIPPED)
    for item in list(work.pending_work_items):
        (mutation,) = item.mutations
        start = mutation.start_pos
        # The star before keyword-only arguments is no product.
        star = lines[start[0] - 1][start[1] :].startswith("*,")
        unseen = star or any(begin <= start < end for begin, end in spots)
        if unseen or MEANINGLESS.match(mutation.operator_name):
            work.set_result(item.job_id, skipped)


def _due(work: Any, module: Path, *, survivors: bool) -> list[WorkItem]:
    """Mutants that were not tried yet, and those that survived without a reason."""
    reasons = _explained(module)
    lived = {
        job
        for job, result in work.results
        if result.test_outcome is TestOutcome.SURVIVED and _change(result.diff) not in reasons
    }
    again = [item for item in work.work_items if item.job_id in lived] if survivors else []
    return [*work.pending_work_items, *again]


def _digest(tests: Sequence[str]) -> str:
    """What the files of tests contain."""
    files = [path for each in tests for path in _python_files(Path(each))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _python_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _try(due: list[WorkItem], work: Any, tests: ForkedTests) -> None:
    mutating.run_tests = tests.run
    for number, item in enumerate(due, 1):
        line = item.mutations[0].start_pos[0]
        result = mutating.mutate_and_test(mutations=item.mutations, test_command=str(line), timeout=None)
        work.set_result(item.job_id, result)
        print(f"{number} of {len(due)}: {result.test_outcome.value}", end="\r", flush=True)  # noqa: T201


def _score(work: Any, module: Path) -> Score:
    results = {job: result for job, result in work.results if result.worker_outcome is not WorkerOutcome.SKIPPED}
    survivors = [
        _change(result.diff) for result in results.values() if result.test_outcome is TestOutcome.SURVIVED
    ]
    left = work.num_work_items - work.num_results
    reasons = _explained(module)
    found = tuple((change, reasons.get(change)) for change in sorted(survivors))
    return Score(str(module.with_suffix("")), len(results), left, found)


def _change(diff: str) -> str:
    """The line before and after, as it is written in `explained.toml`."""
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    # Behind the last line of a file the diff has an empty one.
    return " → ".join(filter(None, (line[1:].strip() for line in lines)))


def _explained(module: Path) -> dict[str, str]:
    """Why mutants of a module may live: a text for each change."""
    explained = tomllib.loads((Path(__file__).parent / "explained.toml").read_text())
    return dict(explained.get(str(module.with_suffix("")), {}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
