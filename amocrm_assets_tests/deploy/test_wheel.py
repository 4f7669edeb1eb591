"""What the wheel and the image hold. Sources are of a checkout, or of whoever installs the package."""

from __future__ import annotations

import zipfile
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from amocrm_assets_tests.deploy.files import ROOT
from amocrm_assets_tests.deploy.wheel import build_wheel

if TYPE_CHECKING:
    import pytest

pytestmark = pytest.mark.slow

# Installed as share/doc/amocrm-assets of the environment.
DOCUMENTS = f"amocrm_assets-{version('amocrm-assets')}.data/data/share/doc/amocrm-assets"


def test_the_wheel_holds_the_package_its_documents_and_no_source(tmp_path_factory: pytest.TempPathFactory) -> None:
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.py", "py.typed")
        for path in (ROOT / "amocrm_assets").rglob(pattern)
    }
    docs = ROOT / "docs"
    documents = {f"{DOCUMENTS}/{path.relative_to(docs)}" for path in docs.rglob("*") if path.is_file()}
    assert names == there | documents


def test_the_image_leaves_the_example_out() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    example = "amocrm_assets/defs/sandbox"
    assert (ROOT / example).is_dir()
    # The last line that matches decides.
    assert lines.index(example) > lines.index("!amocrm_assets")
    assert not any(line.startswith(f"!{example}") for line in lines)
