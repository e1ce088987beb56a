"""The site: no page is forgotten, the reference shows all public names and no others, pages of experiments show what is recorded."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import weakchaos as wc
from weakchaos.core.flag_kinds import Kind
from weakchaos.experiments.records import recorded, recorded_conclusion

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def hooks():
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("site_hooks")
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def made(hooks):
    return hooks.generated()


def nav():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    return re.findall(r"([\w/]+(?:-\w+)*\.md|[\w]+/: all)", text[text.index("\nnav:") :])


def test_every_page_is_in_the_navigation_once_and_nothing_else_is(made):
    named = nav()
    assert len(named) == len(set(named))
    written = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}
    folders = {name.partition("/")[0] for name in named if name.endswith(": all")}
    everything = written | set(made)
    reached = set(named) | {path for path in made if path.partition("/")[0] in folders}
    assert everything - reached == set(), "name these pages in the nav of mkdocs.yml"
    assert {name for name in named if name.endswith(".md")} - everything == set(), (
        "the nav of mkdocs.yml names pages that do not exist"
    )


def test_every_topic_is_named_on_the_first_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    topics = {p.name for p in DOCS.glob("*.md")} - {"index.md"}
    assert {t for t in topics if f"({t})" not in index} - {"glossary.md", "faq.md", "choose.md", "trust.md"} == set()


def test_the_reference_shows_every_public_name_and_no_private_one(made):
    text = "\n".join(page for path, page in made.items() if path.startswith("reference/"))
    shown = re.findall(r"^      heading: (\S+)$", text, re.M)
    for face in (wc.samplers, wc.herding, wc.drivers, wc.systems, wc.diagnostics, wc.kernels):
        assert set(face.__all__) <= set(shown), face.__name__
    assert {"Density", "FactorGraph", "sample", "compare", "probe", "pymc.sample", "uai.write_uai"} <= set(shown)
    assert not [name for name in shown if name.startswith("_") or "._" in name]
    for command in ("compare", "sample", "chaos", "probe", "experiments"):
        assert f"## weakchaos {command}" in made["reference/commands.md"]
    assert "`--strict`" in made["reference/commands.md"]


@pytest.mark.parametrize("name", [n for n in wc.experiments.names() if recorded(n)])
def test_pages_of_experiments_show_what_is_recorded(name, made):
    page, conclusion = made[f"experiments/{name}.md"], recorded_conclusion(name)
    assert f"**Verdict of the last full run: {conclusion.verdict}.**" in page
    for row in conclusion.numbers():
        value = "not finite" if row["value"] is None else f"{row['value']:.4g}"
        quantity = row["quantity"].replace("|", "\\|")
        assert f"| {quantity} | {value} |" in page
    assert f"seed {recorded(name)['seed']}" in page


def test_the_table_of_flags_has_a_row_a_kind_and_no_templates(hooks):
    rows = hooks.flags().splitlines()[2:]
    assert len(rows) == len(Kind)
    assert not [row for row in rows if re.search(r"[{}]|:,", row)]


def test_an_experiment_without_a_record_says_so(made):
    for name in wc.experiments.names():
        if recorded(name) is None:
            assert "No full run is recorded" in made[f"experiments/{name}.md"]


def test_pictures_have_texts_and_the_gallery_shows_all(made):
    for page in [*DOCS.rglob("*.md")]:
        assert "![](" not in page.read_text(encoding="utf-8"), page
    assert "![](" not in made["gallery.md"]
    for picture in (DOCS / "images").glob("*.png"):
        assert f"(images/{picture.name})" in made["gallery.md"]


def test_the_bibliography_names_what_the_code_names(made):
    page = made["bibliography.md"]
    for source in ("arXiv:1111.4246", "arXiv:1301.4168", "arXiv:1606.05340", "doi:10.1016/0370-2693(87)91197-X"):
        assert f"**[{source}]" in page
    assert page.count("\n- **[") > 150


def test_what_a_block_showed_stands_under_it(hooks, monkeypatch):
    code = "print('three')\n"
    monkeypatch.setitem(hooks._OUTPUTS, hooks._blocks.key(code), "three")
    page = hooks.on_page_markdown(f"# A\n\n```python\n{code}```\n\n```python\nother\n```\n", None, None, None)
    assert page.count('text title="Output"') == 1
    assert page.index("three\n```") < page.index("other")


def test_the_version_stands_in_one_place():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M).group(1)
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text()
    assert wc.__version__ in (version, "0+unknown")
    for path in (ROOT / "weakchaos").rglob("*.py"):
        assert f'"{version}"' not in path.read_text(), path
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings, "the changelog has a heading a version"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    checked = subprocess.run([sys.executable, "benchmarks/site.py", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
