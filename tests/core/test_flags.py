"""What speaks against a result is data: every kind has its words, and nothing reads them back."""

import ast
import string
import warnings
from pathlib import Path

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ConvergenceWarning, DriverWarning, ErgodicityWarning, GradientWarning
from weakchaos.core.flag_words import WORDS
from weakchaos.core.flags import Flag, Kind, Severity, gravest_first, warn_of, warn_of_each

# What the sentences of kinds are made of that have a function for it.
NUMBERS = {
    Kind.UNREACHABLE: {"components": 2, "exact": False, "probabilities": [0.9, 0.1], "blocks": True},
    Kind.NOT_ERGODIC: {"spread": 0.1, "ratio": 20.0, "slowest": 0.9, "fastest": 1.1, "equal_rates": True, "time": 100.0},
    Kind.CYCLE: {"period": 7, "error": 0.1},
    Kind.SLOW_GATES: {"steps": 50.0, "scaled": -0.8},
    Kind.CLOSED_GATES: {"steps": 50.0, "scaled": -0.05},
    Kind.STREAM_MEMORY: {"sampler": "HMC", "dimension": 1.0, "uniforms_per_step": None},
    Kind.STREAM_DIMENSION: {"sampler": "IID", "dimension": 2.0, "uniforms_per_step": 3.0},
    Kind.STREAM_NUMBERS: {"count": 2, "value": "nan", "index": 7, "step": None},
    Kind.STREAM_LENGTH: {"steps": 3, "length": 7, "varies": False},
    Kind.LOW_ACCEPTANCE: {"rate": 0.001, "chain": None},
    Kind.DISAGREE: {"rhat": 1.5, "ratio": 20.0},
    Kind.UNMIXED: {"ess": 3.0, "rhat": 1.5, "draws": 100},
    Kind.SCORES: {"what": "spread", "gap": 0.4, "error": 0.05, "outward": False},
    Kind.STEIN: {"what": "spread", "sampler": "MCLMC", "gap": 0.4, "error": 0.05},
    Kind.BIAS_UNKNOWN: {"what": "mean", "sampler": "MCLMC", "gap": 0.4, "error": None},
    Kind.UNADJUSTED: {"sampler": "MCLMC", "gap": None, "error": 0.05},
    Kind.UNREACHED: {"layers": 1},
    Kind.BRANCHES: {"layers": 3},
    Kind.OUTSIDE: {"layers": 3},
}


def made(kind):
    """A flag of this kind, with numbers for every field of its sentence."""
    words = WORDS[kind].sentence
    fields = (
        {}
        if callable(words)
        else {name: (3.0 if "g" in form or "f" in form else 3) for _, name, form, _ in string.Formatter().parse(words) if name}
    )
    return Flag.of(
        kind, where="x", **(NUMBERS.get(kind, {}) if callable(words) else {k: v for k, v in fields.items() if k != "where"})
    )


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_word_a_phrase_and_a_sentence(kind):
    flag = made(kind)
    assert len(flag.sentence) > 20
    assert "{" not in flag.sentence
    assert not flag.sentence.endswith(".")
    assert len(flag.word) <= 14
    assert len(flag.phrase) <= 60
    assert Flag.from_plain(flag.to_plain()) == flag


def test_plain_data_hold_numbers_of_numpy_and_several_places():
    flag = Flag(Kind.BYPASSED, Severity.INVALID, {"layers": np.int64(2), "shares": (np.float64(0.5),)}, ("a", "b"))
    again = Flag.from_plain(flag.to_plain())
    assert again.numbers == {"layers": 2, "shares": [0.5]}
    assert (type(again.numbers["layers"]), again.where) == (int, ("a", "b"))


def test_the_gravest_flag_comes_first():
    found = [made(Kind.FEW_CHAINS), made(Kind.FEW_DRAWS), made(Kind.PLATEAU), made(Kind.UNREACHABLE)]
    assert [f.kind for f in gravest_first(found)] == [Kind.UNREACHABLE, Kind.PLATEAU, Kind.FEW_DRAWS, Kind.FEW_CHAINS]


def test_only_what_is_invalid_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of([made(Kind.FEW_CHAINS), made(Kind.FEW_DRAWS)])
    with pytest.warns(ConvergenceWarning, match="not to be trusted") as caught:
        warn_of([made(Kind.NOT_FINITE)], stacklevel=1)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        (Kind.STREAM_MEMORY, DriverWarning),
        (Kind.WRONG_GRADIENT, GradientWarning),
        (Kind.NOT_ERGODIC, ErgodicityWarning),
        (Kind.UNTUNED, ConvergenceWarning),
    ],
)
def test_what_samplers_find_is_warned_of_in_its_category(kind, category):
    with pytest.warns(category) as caught:
        warn_of_each([made(kind)], stacklevel=1)
    assert (caught[0].category, caught[0].filename) == (category, __file__)


def test_what_a_sampler_found_stays_with_the_run(tmp_path):
    def run(**options):
        with pytest.warns(DriverWarning, match="toy-lcg"):
            return wc.sample(
                wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]]),
                wc.samplers.Gibbs(),
                draws=150,
                driver="toy-lcg",
                seed=1,
                progress=False,
                **options,
            )

    trace = run()
    assert [f.kind for f in trace.flags] == [Kind.STREAM_MEMORY]
    assert trace.check()[0] == trace.flags[0]
    trace.save(tmp_path / "run.npz")
    assert wc.load(tmp_path / "run.npz").flags == trace.flags
    run(store=tmp_path / "run.zarr")
    assert wc.load(tmp_path / "run.zarr").flags == trace.flags


@pytest.mark.filterwarnings("ignore:this run is not to be trusted")
def test_what_a_run_found_at_its_end_is_kept_in_a_store(tmp_path):
    target = wc.zoo.gaussian([1.0, 2.0])
    with pytest.warns(ConvergenceWarning, match="guess"):
        wc.sample(
            target, wc.samplers.NUTS(target_accept=0.9), draws=120, warmup=0, seed=1, progress=False, store=tmp_path / "run.zarr"
        )
    assert [f.kind for f in wc.load(tmp_path / "run.zarr").flags] == [Kind.UNTUNED]


# ---- nothing reads a message back ------------------------------------------------------------------------------------------------------

PROSE = {"note", "warning", "message", "sentence", "complaint", "remark", "reason", "status", "verdict"}
READERS = {"startswith", "endswith", "find", "index", "split", "partition", "rpartition", "replace", "count"}
# Messages of other software, which has no codes to ask for.
FOREIGN = {
    "interop/delimited.py",
    "interop/file_columns.py",
    "renormalization/networks/torch_signals.py",
    "reports/compare/compare.py",
    "reports/compare/row_flags.py",
}


def _named(word):
    return word.lower() in PROSE or word.lower().removesuffix("s") in PROSE


def _is_prose(node, aliases):
    """Whether an expression is one of our messages: by its name, by str() of a warning, or as a part of several messages."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _named(name) or name in aliases
        case ast.Subscript(value=value, slice=key):
            return _is_prose(value, aliases) or (isinstance(key, ast.Constant) and _named(str(key.value)))
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return _is_prose(inner, aliases)
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[ast.Constant(value=key), *_]):
            return _named(str(key))
        case ast.Call(func=ast.Attribute(value=value)):
            return _is_prose(value, aliases)
    return False


def _scopes(tree):
    """The nodes of each function, those of functions within it apart; and of the module."""
    found = []

    def collect(node, scope):
        for child in ast.iter_child_nodes(node):
            scope.append(child)
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                found.append([])
                collect(child, found[-1])
            else:
                collect(child, scope)

    found.append([])
    collect(tree, found[0])
    return found


def readers(source):
    """Lines of a source at which words are looked for in a message."""
    return [line for scope in _scopes(ast.parse(source)) for line in _readers(scope)]


def _readers(scope):
    aliases, found = set(), []
    for node in scope:
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name) and _is_prose(node.iter, aliases):
            aliases.add(node.target.id)
    for node in scope:
        match node:
            case ast.Compare(left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()], comparators=[where]) if _is_prose(
                where, aliases
            ):
                found.append(node.lineno)
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=[_, *_]) if name in READERS and _is_prose(
                value, aliases
            ):
                found.append(node.lineno)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=arguments) if any(
                _is_prose(a, aliases) for a in arguments
            ):
                found.append(node.lineno)
    return found


def test_nothing_looks_for_words_in_a_message():
    root = Path(wc.__file__).parent
    found = {
        str(path.relative_to(root)): lines
        for path in sorted(root.rglob("*.py"))
        if (lines := readers(path.read_text(encoding="utf-8"))) and str(path.relative_to(root)) not in FOREIGN
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        'if "biased" in note: pass',
        'x = [n for n in rate.warnings if "stops falling" in n]',
        'for w in caught.notes:\n    w.startswith("no")',
        'str(w.message).split(":")',
        'import re\nre.search("disagree", entrant.row["status"])',
        'row.get("status").find("ok")',
        'any("x" in n for n in result.warnings)',
    ],
)
def test_the_search_for_readers_can_fail(source):
    assert readers(source)


@pytest.mark.parametrize("source", ['if "x" in names: pass', 'found = "a" in text', "notes.append('x')", "kind in (Kind.CUT,)"])
def test_what_reads_no_message_is_let_be(source):
    assert not readers(source)
