"""Pages of reports in a browser: nothing runs out of a narrow window, every text can be read in light and dark, every picture has a text, and paper is A4."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import weakchaos as wc
from tests.diagnostics.recorded_series import henon
from weakchaos.cli import run

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
WIDTHS = (400, 800, 1200)
KINDS = ("compare", "series", "symbols", "probe", "run")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

# What is measured in the page; fonts of figures are read off the scale of their glyphs, which have 100 units an em.
MEASURE = """
<script>
addEventListener("load", () => {
  const rgb = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3); };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; };
  const out = { overflow: document.documentElement.scrollWidth - innerWidth, small: [], pale: [], silent: [], cut: [], texts: 0, figures: 0 };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement, s = getComputedStyle(e);
    if (!n.textContent.trim() || e.closest("script, style, svg") || !e.getClientRects().length) continue;
    const text = n.textContent.trim().slice(0, 40);
    out.texts += 1;
    if (parseFloat(s.fontSize) < 11) out.small.push([text, s.fontSize]);
    const seen = ratio(rgb(s.color), behind(e));
    if (seen < 4.5) out.pale.push([text, seen]);
  }
  for (const svg of document.querySelectorAll("svg")) {
    if (!svg.getClientRects().length) continue;
    out.figures += 1;
    if (svg.getAttribute("role") !== "img" || !(svg.getAttribute("aria-label") || "").trim()) out.silent.push("svg");
    const unit = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const paper = svg.getBoundingClientRect();
    for (const g of svg.querySelectorAll('g[id*="text_"]')) {
      const box = g.getBoundingClientRect();
      if (box.width && (box.left < paper.left - 0.5 || box.right > paper.right + 0.5 || box.top < paper.top - 0.5 || box.bottom > paper.bottom + 0.5))
        out.cut.push([g.id, paper.left - box.left, box.right - paper.right, paper.top - box.top, box.bottom - paper.bottom]);
    }
    for (const g of svg.querySelectorAll('g[id*="text_"] > g[transform*="scale"]')) {
      const em = 100 * parseFloat(g.getAttribute("transform").match(/scale\\(([\\d.]+)/)[1]) * unit;
      if (em < 10.95) out.small.push([g.parentElement.id, em]);
      const fill = rgb(getComputedStyle(g).fill);
      // White stands on cells of the darkest blue, which are a picture.
      const ground = String(fill) === "255,255,255" ? [0, 114, 178] : behind(svg);
      if (fill && ratio(fill, ground) < 4.5) out.pale.push([g.parentElement.id, getComputedStyle(g).fill]);
    }
  }
  for (const i of document.querySelectorAll("img")) if (!i.alt.trim()) out.silent.push(i.src);
  parent.postMessage(JSON.stringify([NAME, out]), "*");
});
</script>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The pages of all reports."""
    place = tmp_path_factory.mktemp("pages")
    pair = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]], [0.5, -1.0])
    samplers = {
        "Gibbs, PCG64": wc.samplers.Gibbs(),
        "Gibbs, golden rotation": (wc.samplers.Gibbs(), "golden"),
        "herded Gibbs": wc.herding.HerdedGibbs(),
    }
    wc.compare(pair, samplers, draws=2000, repeats=3).to_html(place / "compare.html")
    wc.diagnostics.analyse_series(henon(600), surrogates=19).to_html(place / "series.html")
    wc.diagnostics.analyse_series("abcabbabc" * 40, surrogates=19).to_html(place / "symbols.html")
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(30, 30)) * 0.2, np.zeros(30)) for _ in range(6)]
    wc.renormalization.probe(weights, rng.normal(size=(20, 30)), np.arange(20) % 2).to_html(
        place / "probe.html", command="weakchaos probe"
    )
    (place / "model.py").write_text("import weakchaos as wc\n\ndef target():\n    return wc.zoo.gaussian([1.0, 2.0, 3.0])\n")
    command = ["sample", f"{place}/model.py:target", "--draws", "150", "--warmup", "150", "--quiet", "--out", str(place / "run")]
    assert run(command) in (0, 3)
    return place


def browser(*options):
    subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *options], capture_output=True, timeout=120, check=False
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured(folder):
    """What the browser says of every page, in every width, light and dark: one start of the browser for all."""
    frames = []
    for kind in KINDS:
        text = (folder / f"{kind}.html").read_text()
        for scheme, query in (("light", "not all"), ("dark", "all")):
            page = text.replace("(prefers-color-scheme: dark)", query)
            for width in WIDTHS:
                name = f"{kind}-{scheme}-{width}"
                script = MEASURE.replace("NAME", json.dumps(name))
                (folder / f"{name}.html").write_text(page.replace("</body>", f"{script}</body>"))
                frames.append(f'<iframe src="{name}.html" style="width:{width}px;height:900px;border:0"></iframe>')
    wrapper = folder / "all.html"
    wrapper.write_text(
        "<!doctype html><body><pre id=found></pre><script>addEventListener('message', e => { found.textContent += e.data + '\\n'; });</script>"
        + "".join(frames)
    )
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=20000", "--dump-dom",
         wrapper.as_uri()],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    lines = html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S).group(1)).strip().splitlines()
    return dict(json.loads(line) for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_can_be_read_in_every_width_light_and_dark(kind, measured):
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            found = measured[f"{kind}-{scheme}-{width}"]
            where = f"{kind}, {scheme}, {width} px"
            assert found["texts"] > 20, where
            assert found["figures"] >= 1, where
            assert found["overflow"] <= 0, where
            assert found["small"] == [], where
            assert found["pale"] == [], where
            assert found["silent"] == [], where
            assert found["cut"] == [], where


def test_what_is_wrong_is_found(folder, measured):
    """The measure itself: a page that is too wide, too pale and too small, with a silent picture of which a text is cut."""
    bad = "<p style='width:900px;font-size:9px;color:#ccc;background:#fff'>so pale</p><svg viewBox='0 0 9 9' width='9'><g id='text_1'><rect x='-5' y='2' width='9' height='2'/></g></svg></body>"
    text = (folder / "run.html").read_text().replace("(prefers-color-scheme: dark)", "not all")
    (folder / "bad.html").write_text(text.replace("</body>", MEASURE.replace("NAME", '"bad"') + bad))
    wrapper = folder / "one.html"
    wrapper.write_text(
        "<!doctype html><body><pre id=found></pre><script>addEventListener('message', e => { found.textContent += e.data; });</script>"
        "<iframe src='bad.html' style='width:400px;height:900px;border:0'></iframe>"
    )
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom", wrapper.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S).group(1)))[1]
    assert found["overflow"] > 0
    assert ["so pale", "9px"] in found["small"]
    assert "so pale" in [text for text, _ in found["pale"]]
    assert found["silent"] == ["svg"]
    assert "text_1" in [name for name, *_ in found["cut"]]


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_a_page(kind, folder):
    """The sentence, then the picture, then the table, then what its columns or rows mean."""
    text = (folder / f"{kind}.html").read_text()
    body = text[text.index("<body>") :]
    places = [body.index(part) for part in ('class="summary"', "<svg", "<table>", " mean</h2>")]
    assert places == sorted(places)
    notes = re.findall(r"<li[^>]*>(.*?)</li>", body, re.S)
    assert len(notes) == len(set(notes))  # each is said once


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_a_page_is_a4(kind, folder):
    path = folder / f"{kind}.pdf"
    browser("--no-pdf-header-footer", f"--print-to-pdf={path}", (folder / f"{kind}.html").as_uri())
    data = path.read_bytes()
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", data)
    assert boxes
    for width, height in boxes:
        assert abs(float(width) - 595.3) < 2
        assert abs(float(height) - 841.9) < 2
