"""Every Python example of the documentation runs, in one namespace a page."""

import importlib.util
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)


@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=lambda p: p.stem)
def test_page(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if any(re.search(r"^import torch", code, re.M) for code in examples(page)):
        pytest.importorskip("torch")
    scope = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # pages show warnings on purpose
        for k, code in enumerate(examples(page)):
            if any(importlib.util.find_spec(name) is None for name in re.findall(r"^import (pymc|stanli)$", code, re.M)):
                continue  # an extra that is not installed here
            exec(compile(code, f"{page.name}, example {k + 1}", "exec"), scope)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_and_pictures_exist(page):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_a_sampler_takes_at_most_sixty_lines_with_its_kernel():
    sampler = examples(ROOT / "CONTRIBUTING.md")[0]
    assert "class Barker(Sampler)" in sampler
    assert len([line for line in sampler.splitlines() if line.strip()]) <= 60
