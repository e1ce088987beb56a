"""Every Python block of the documentation runs alone, in a namespace of its own, as when it is pasted; links and pictures exist."""

import gc
import importlib.util
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

_spec = importlib.util.spec_from_file_location("docs_blocks", ROOT / "docs" / "blocks.py")
blocks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(blocks)
GUIDE = blocks.blocks(ROOT / "CONTRIBUTING.md")  # by turns a file that is added, and the test of that file
# Pages that the build of the site makes.
MADE = re.compile(r"docs/(reference/\w+|experiments/\w+|about/(cite|contributing|changelog|benchmarks)|gallery|bibliography)\.md$")


def _name(page):
    return page.relative_to(ROOT).with_suffix("").as_posix()


@pytest.mark.parametrize("page", [p for p in blocks.pages() if blocks.blocks(p)], ids=_name)
def test_every_block_runs_alone(page):
    found, failures = {}, []
    for k, code in enumerate(blocks.blocks(page)):
        if blocks.missing(code):
            continue  # an extra that is not installed here
        try:
            found[blocks.key(code)], _ = blocks.run(code, f"{page.name}, block {k + 1}")
        except Exception as error:
            failures.append(f"block {k + 1}: {type(error).__name__}: {error}")
        gc.collect()
    assert not failures, "pasted alone these fail (each imports and defines what it uses): " + "; ".join(failures)
    if "WEAKCHAOS_OUTPUTS" in os.environ:  # the site that is built next shows them
        blocks.keep(found)


def test_blocks_share_nothing(capsys):
    blocks.run("secret = 1")
    with pytest.raises(NameError):
        blocks.run("secret")
    with pytest.raises(AssertionError):
        blocks.run("x = 2\nassert x > 3")
    text, _ = blocks.run("x = 2.5\nprint('two')\nassert 1 < x * 2 <= 5\nassert x")
    assert text == "two\n1 < x * 2 <= 5   # 5"


def test_the_sampler_of_the_guide_is_whole_and_takes_at_most_sixty_lines_with_its_kernel():
    sampler = GUIDE[0]
    assert "class Barker(Sampler)" in sampler
    assert len([line for line in sampler.splitlines() if line.strip()]) <= 60


@pytest.mark.parametrize("kind", range(len(GUIDE) // 2), ids=["sampler", "driver", "diagnostic", "selection"])
def test_examples_of_the_guide_pass_their_tests(kind):
    scope = {"__name__": "__main__"}
    for code in GUIDE[2 * kind : 2 * kind + 2]:
        exec(compile(code, "CONTRIBUTING.md", "exec"), scope)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_and_pictures_exist(page):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists() or MADE.match(os.path.normpath((page.parent / link).relative_to(ROOT))), link
