"""What a notebook shows of a probe."""

from html import unescape

import numpy as np

import weakchaos as wc


def test_a_notebook_shows_the_table_and_no_markup_of_the_user():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(40, 40)) / np.sqrt(40) for _ in range(3)]
    report = wc.renormalization.probe(weights, rng.normal(size=(60, 40)))
    page = report._repr_html_()
    assert unescape(page) == f"<pre>{report.table()}</pre>"
    assert page.count("<") == 2
    assert "nats" in page or "No exponent" in page
