"""UAI files: what is read, what is written, and how damaged files are refused."""

import warnings
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.targets.test_exact import graphs
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError
from weakchaos.targets.factor_graph import FactorGraph, packaged
from weakchaos.targets.uai_files import read_evidence, read_uai, write_evidence, write_uai

ASIA = (resources.files("weakchaos.targets") / "data" / "uai" / "asia.uai").read_text()

# The Markov network that the competition's description of the format uses as its example: units of 2, 2 and 3 states.
EXAMPLE = "MARKOV\n3\n2 2 3\n2\n2 0 1\n3 0 1 2\n\n4\n 4.000 2.400\n 1.000 0.000\n\n12\n" + " ".join(
    str(v) for v in (2.25, 3.25, 3.75, 0, 0, 10, 1.875, 4, 3.333, 2, 2, 3.4)
)


def written(folder, text, name="model.uai"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_last_unit_of_a_scope_is_fastest(tmp_path):
    graph = FactorGraph.from_uai(written(tmp_path, EXAMPLE, "example.uai"))
    assert (graph.name, graph.dim, graph.names) == ("example", 3, ("x0", "x1", "x2"))
    assert graph.cardinalities.tolist() == [2, 2, 3]
    np.testing.assert_allclose(np.exp(graph.log_prob([0, 1, 2])), 2.4 * 10)
    np.testing.assert_allclose(np.exp(graph.log_prob([1, 0, 0])), 1.0 * 1.875)
    assert graph.log_prob([1, 1, 0]) == -np.inf


def test_white_space_and_comments_do_not_matter(tmp_path):
    flat = " ".join(EXAMPLE.split())
    spread = "c an example\n\n" + EXAMPLE.replace("\n", "\r\n").replace(" ", "\t\n\n") + "\n\nc\nc the end\n"
    expected = read_uai(written(tmp_path, EXAMPLE))
    for text in (flat, spread, b"\xef\xbb\xbf" + flat.encode()):
        cardinalities, factors = read_uai(written(tmp_path, text))
        np.testing.assert_array_equal(cardinalities, expected[0])
        for (scope, table), (scope_, table_) in zip(factors, expected[1], strict=True):
            np.testing.assert_array_equal(scope, scope_)
            np.testing.assert_array_equal(table, table_)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file ends where the type of the model"),
        ("GAUSS 1 2 0", "line 1: a .uai file must begin with BAYES or MARKOV; got 'GAUSS'"),
        ("BAYES\n1.5", "line 2: the number of units must be a whole number; got '1.5'"),
        ("BAYES\n-1", "line 2: the number of units must be a whole number; got '-1'"),
        ("BAYES\n999999999999\n2", "line 2: the number of units must be from 1 to 1, the entries left in the file"),
        ("BAYES\n0\n0", "line 2: the number of units must be from 1 to"),
        (f"BAYES\n1\n{'9' * 5000}\n0", "line 3: the cardinality of unit 0 must be from 1 to"),
        ("BAYES\n2\n2\n0\n0", "line 4: the cardinality of unit 1 must be from 1 to 2147483648; got '0'"),
        (
            "MARKOV\n1\n2\n1\n2 0 0\n2\n1 1",
            "line 5: the length of the scope of factor 0 must be from 0 to 1, the number of units; got '2'",
        ),
        (
            "MARKOV\n2\n2 2\n1\n2 0 2\n4\n1 1 1 1",
            "line 5: a unit in the scope of factor 0 must be from 0 to 1, the last unit; got '2'",
        ),
        ("MARKOV\n2\n2 2\n1\n2 1\n1\n4\n1 1 1 1", "line 6: the scope of factor 0 repeats unit 1"),
        ("MARKOV\n2\n2 2\n1\n2 0 1\n\n3\n1 1 1", "line 7: the table of factor 0 must have 4 entries"),
        ("MARKOV\n2\n2 2\n1\n2 0 1\n4\n1 1\n1", "line 8: the file ends before the table of factor 0 has its 4 entries"),
        (
            "MARKOV\n1\n2\n1\n1 0\n2\n1\n-0.5",
            "line 8: entries of the table of factor 0 must be finite numbers that are not negative; entry 1 is '-0.5'",
        ),
        ("MARKOV\n1\n2\n1\n1 0\n2\n nan 1", "line 7: .* entry 0 is 'nan'"),
        ("MARKOV\n1\n2\n1\n1 0\n2\n 1 1e999", "line 7: .* entry 1 is '1e999'"),
        ("MARKOV\n1\n2\n1\n1 0\n2\n 1_0 1", "line 7: .* entry 0 is '1_0'"),
        ("MARKOV\n1\n2\n1\n1 0\n2\n one 1", "line 7: .* entry 0 is 'one'"),
        ("MARKOV\n1\n2\n1\n1 0\n2\n0 0", "line 7: the table of factor 0 must not be zero everywhere"),
        ("MARKOV\n1\n2\n1\n1 0\n2\n1 1\n\n7 7", "line 9: the file should end here; there are 2 more entries, the first '7'"),
        (b"\x80\x04\x95\xff", "is not a text file"),
    ],
)
def test_damaged_models_are_refused_at_their_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_uai(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    for read in (read_uai, read_evidence, FactorGraph.from_uai):
        with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere\.uai"):
            read(tmp_path / "nowhere.uai")
        with pytest.raises(FileFormatError, match="is a folder"):
            read(tmp_path)
        with pytest.raises(ArgumentTypeError, match="`path` must be the path of a file"):
            read(3)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("2 1 0 2 1", {1: 0, 2: 1}),
        ("1\n2 1 0 2 1\n", {1: 0, 2: 1}),
        ("1 0 1", {0: 1}),
        ("1\n1 0 1", {0: 1}),
        ("0", {}),
        ("1\n0", {}),
        ("", {}),
    ],
)
def test_evidence_with_and_without_the_number_of_samples(tmp_path, text, evidence):
    path = written(tmp_path, text, "model.uai.evid")
    assert read_evidence(path) == read_evidence(path, [2, 2, 3]) == evidence
    graph = FactorGraph.from_uai(written(tmp_path, EXAMPLE), evidence=path)
    assert graph.observed == evidence
    assert FactorGraph.from_uai(tmp_path / "model.uai", evidence=evidence).observed == evidence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\n1 0 1", "line 1: evidence must be of one sample, or begin with the number of observed units; got 2 samples"),
        ("2\n1 0", "line 1: 2 observed units need 4 entries, pairs of unit and state; 2 are left"),
        ("1\n3 0", "line 2: an observed unit must be from 0 to 2, the last unit; got '3'"),
        ("1\n0 2", "line 2: the observed state of unit 0 must be from 0 to 1, its last state; got '2'"),
        ("2\n0 1\n0 0", "line 3: unit 0 is observed in two states, 1 and 0"),
        ("1 0 x", "must be a whole number; got 'x'"),
        ("9 0 1", "line 1: the number of observed units must be from 0 to 3"),
    ],
)
def test_damaged_evidence_is_refused(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=message):
        read_evidence(written(tmp_path, text, "model.uai.evid"), [2, 2, 3])


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_models_and_evidence_survive_a_round_trip(tmp_path_factory, graph):
    folder = tmp_path_factory.mktemp("uai")
    write_uai(graph, folder / "model.uai")
    write_evidence(graph.observed, folder / "model.uai.evid")
    again = FactorGraph.from_uai(folder / "model.uai", evidence=folder / "model.uai.evid")
    assert again.observed == graph.observed
    np.testing.assert_array_equal(again.cardinalities, graph.cardinalities)
    assert [s.tolist() for s in again.scopes] == [s.tolist() for s in graph.scopes]
    for a, b in zip(again.log_tables, graph.log_tables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15, atol=1e-15)


def test_weights_without_a_float_are_not_written(tmp_path):
    for weight in (-2000.0, 2000.0):
        with pytest.raises(ArgumentError, match=r"has a weight of exp\(-?2000\) in factor 0"):
            write_uai(FactorGraph.from_log_tables([2], [((0,), [0.0, weight])]), tmp_path / "model.uai")
    write_uai(packaged("asia"), tmp_path / "asia.uai")
    assert FactorGraph.from_uai(tmp_path / "asia.uai").marginals()[7] == pytest.approx([0.4359706, 0.5640294])


def valid_or_refused(path):
    """Whether a file is read as a graph; anything but a graph and a FileFormatError is raised."""
    try:
        graph = FactorGraph.from_uai(path)
    except FileFormatError as error:
        message = str(error)
        return False if str(path) in message and ("line" in message or "not a text file" in message) else None
    return len(graph.scopes) == len(graph.log_tables) or None


@pytest.mark.filterwarnings("ignore:.*does not sum to 1")  # a last number cut short
@given(st.integers(0, len(ASIA.rstrip()) - 1))
@settings(max_examples=60, deadline=None)
def test_a_truncated_model_is_refused_or_valid(tmp_path_factory, length):
    path = written(tmp_path_factory.mktemp("uai"), ASIA[:length])
    # Cut inside of the very last number, what is left is a model still.
    assert valid_or_refused(path) is (len(ASIA[:length].split()) == len(ASIA.split()))


TOKENS = st.sampled_from(
    ["0", "1", "2", "3", "8", "99", "-1", "1e400", "nan", "inf", "-0.0", "0x2", "1_0", "٣", "c", "BAYES", "", "\n", "2 2", "9" * 30]
)


@pytest.mark.filterwarnings("ignore:.*does not sum to 1")
@given(st.lists(st.tuples(st.integers(0, len(ASIA.split()) - 1), st.one_of(TOKENS, st.text(max_size=4))), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_corrupted_model_is_refused_or_valid(tmp_path_factory, changes):
    words = ASIA.split()
    for place, token in changes:
        words[place] = token
    text = "\n".join(words).encode("utf-8", "surrogatepass")
    assert valid_or_refused(written(tmp_path_factory.mktemp("uai"), text)) in (True, False)


COMMENTED = """MARKOV # two coins
2
2 2 # two states each
2
1 0#the first
2 0 1
# tables
2
 0.4 0.6
4
 1 2
 3 4 # done
"""


def test_what_follows_a_number_sign_is_a_comment(tmp_path):
    graph = FactorGraph.from_uai(written(tmp_path, COMMENTED))
    # P(x0 = 1) = .6 (3 + 4) / (.4 (1 + 2) + .6 (3 + 4))
    assert graph.marginals()[0][1] == pytest.approx(4.2 / 5.4)
    assert read_evidence(written(tmp_path, "# none\n1 # one unit\n0 1", "a.evid")) == {0: 1}
    with pytest.raises(FileFormatError, match="line 3: the cardinality of unit 1"):
        read_uai(written(tmp_path, "MARKOV # a\n2\n2 x # b\n1\n1 0\n2\n1 1"))


def bayes(table):
    return f"BAYES 2  2 3  2  1 0  2 0 1  2 .3 .7  6 {table}"


@pytest.mark.parametrize("entry", ["1e-400", "-0.0", "0.0000e-999", "0", "+0.", "4.9e-324"])
def test_weights_that_would_be_rounded_to_zero_are_refused(tmp_path, entry):
    (tmp_path / "model.uai").write_text(f"MARKOV 1 2 1 1 0 2 {entry} 1")
    if entry == "1e-400":
        with pytest.raises(FileFormatError, match="no float64 tells from 0"):
            read_uai(tmp_path / "model.uai")
    else:
        assert read_uai(tmp_path / "model.uai")[1][0][1].tolist() == [float(entry), 1.0]


def test_a_bayesian_network_in_another_order_of_entries_is_refused(tmp_path):
    right = FactorGraph.from_uai(written(tmp_path, bayes(".2 .3 .5 .1 .1 .8")))
    assert right.marginals()[1] == pytest.approx(np.array([0.3, 0.7]) @ [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    with pytest.raises(
        FileFormatError, match=r"line 1: the table of factor 1 does not sum to 1 over its last unit, 1.*child varies slowest"
    ):
        read_uai(written(tmp_path, bayes(".2 .1 .3 .1 .5 .8")))


def test_a_bayesian_network_whose_tables_are_no_distributions_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match=r"factor 1 does not sum to 1 .*sum 1.4\); 1 of 2 tables"):
        read_uai(written(tmp_path, bayes(".2 .3 .5 .5 .1 .8")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_uai(written(tmp_path, bayes(".333 .333 .333 0 0 0")))  # rounded, and parents that cannot occur
        read_uai(written(tmp_path, bayes("7 1 2 3 4 5").replace("BAYES", "MARKOV")))


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("2\n1 0 1\n0\n", 2),  # the number of samples first, and an odd number of entries as one sample has
        ("2\n1 0 1\n1 2 0\n", 2),
        ("3\n1 0 1\n1 2 0\n2 0 0 1 1\n", 3),
        ("2 1 0 1 1 0 0", 2),
        ("1 0 1\n1 0 0\n", 2),  # without the number of samples
        ("1 0 1\n2 0 0 1 1\n0\n", 3),
        ("1 0 1 1 0 0", 2),
    ],
)
def test_evidence_of_several_samples_is_named_as_such(tmp_path, text, samples):
    with pytest.raises(FileFormatError, match=f"got {samples} samples"):
        read_evidence(written(tmp_path, text, "a.evid"))


def test_one_sample_is_read_in_any_layout(tmp_path):
    for text in ("2 1 0 3 0", "2\n1 0\n3 0", "2\n1 0 3 0", "1 2 1 0 3 0", "1\n2 1 0 3 0", "1\n2\n1 0\n3 0"):
        assert read_evidence(written(tmp_path, text, "a.evid")) == {1: 0, 3: 0}
