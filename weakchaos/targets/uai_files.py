"""Files of the UAI inference evaluations: ``.uai`` models and ``.evid`` evidence.

A model is a list of tokens: ``BAYES`` or ``MARKOV``, the number of units, their cardinalities, the number of factors, for each its
scope (length, then units), and for each its table (length, then entries, the last unit of the scope fastest). In a ``BAYES`` file the
last unit of a scope is the child, so the table sums to 1 over it. Evidence is the number of observed units and pairs unit, state; older
files put the number of samples, 1, before it. Lines that begin with the word ``c`` are comments since the 2016 evaluation; what follows
a ``#`` is taken for one too, as several writers do.
Described at https://uaicompetition.github.io/uci-2022/file-formats/ and http://www.hlt.utdallas.edu/~vgogate/uai16-evaluation/uaiformat.html.
"""

from __future__ import annotations

import bisect
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError, shown

__all__ = ["read_evidence", "read_uai", "write_evidence", "write_uai"]

_LARGEST = 1 << 31
_ROUNDED = 5e-3  # .333 + .333 + .333, and sums of a few dozen such numbers


class _Tokens:
    """The tokens of a text file, with the line of each."""

    def __init__(self, path: Any):
        try:
            self.path = Path(path)
        except TypeError as error:
            raise ArgumentTypeError(f"`path` must be the path of a file; got {shown(path)}") from error
        if self.path.is_dir():
            raise FileFormatError(f"{self.path} is a folder, not a file")
        if not self.path.exists():
            raise FileNotFoundError(f"there is no file {self.path}")
        try:
            lines = self.path.read_bytes().decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{self.path} is not a text file: {error}") from error
        self.tokens: list[str] = []
        self._ends = []
        for line in lines:
            words = line.partition("#")[0].split()
            self.tokens += words if words[:1] != ["c"] else []
            self._ends.append(len(self.tokens))
        self.next = 0

    def error(self, what: str, at: int | None = None) -> FileFormatError:
        at = min(self.next if at is None else at, len(self.tokens) - 1)
        return FileFormatError(f"{self.path}, line {bisect.bisect_right(self._ends, at) + 1 if at >= 0 else 1}: {what}")

    def lines(self) -> list[list[str]]:
        """The tokens line by line, without empty lines."""
        starts = [0, *self._ends[:-1]]
        return [self.tokens[a:b] for a, b in zip(starts, self._ends, strict=True) if b > a]

    def left(self) -> int:
        return len(self.tokens) - self.next

    def word(self, what: str) -> str:
        if not self.left():
            raise self.error(f"the file ends where {what} should be")
        self.next += 1
        return self.tokens[self.next - 1]

    def whole(self, what: str, least: int, most: int, why: str = "") -> int:
        """The next token, a whole number from `least` to `most`; what lies beyond is an error at its line."""
        token = self.word(what)
        if not (token.isascii() and token.isdigit()):
            raise self.error(f"{what} must be a whole number; got {shown(token)}", self.next - 1)
        digits = token.lstrip("0") or "0"
        value = int(digits) if len(digits) < 20 else _LARGEST * _LARGEST  # Python refuses to read thousands of digits
        if not least <= value <= most:
            raise self.error(f"{what} must be from {least} to {most}{why}; got {shown(token)}", self.next - 1)
        return value

    def numbers(self, count: int, what: str) -> np.ndarray:
        """The next `count` tokens, finite and not negative."""
        if self.left() < count:
            self.next = len(self.tokens)
            raise self.error(f"the file ends before {what} has its {count} entries")
        part = self.tokens[self.next : self.next + count]
        values = np.array([_number(token) for token in part])
        bad = np.flatnonzero(~((values >= 0) & (values < np.inf)))
        if bad.size:
            k = int(bad[0])
            raise self.error(
                f"entries of {what} must be finite numbers that are not negative; entry {k} is {shown(part[k])}", self.next + k
            )
        for k in np.flatnonzero(values == 0.0).tolist():
            if part[k].lower().partition("e")[0].strip("+-0."):  # digits that are not zero: rounded to a state that is impossible
                raise self.error(
                    f"entry {k} of {what} is {shown(part[k])}, which no float64 tells from 0, and a weight of 0 forbids the state; multiply "
                    "the whole table by a constant, or write 0 if the state is impossible",
                    self.next + k,
                )
        if not values.any():
            raise self.error(f"{what} must not be zero everywhere")
        self.next += count
        return values

    def end(self) -> None:
        if self.left():
            raise self.error(
                f"the file should end here; there are {self.left()} more entries, the first {shown(self.tokens[self.next])}"
            )


def _number(token: str) -> float:
    try:
        # Python reads 1_000 and digits of other scripts as numbers; the format does not.
        return math.nan if "_" in token or not token.isascii() else float(token)
    except ValueError:
        return math.nan


def read_uai_model(path: Any) -> tuple[str, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """`read_uai`, and before it whether the file says BAYES or MARKOV."""
    return _read(path)


def read_uai(path: Any) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Read a ``.uai`` model as the arguments of `FactorGraph`.

    Parameters
    ----------
    path : path

    Returns
    -------
    cardinalities : int64 array of shape (n,)
    factors : list of (scope, table)

    Raises
    ------
    FileNotFoundError
    FileFormatError
        With the path and the line: for counts that do not match, units that do not exist, entries that are negative or not numbers, files that
        end too early or too late, and ``BAYES`` files in another order of entries, in which the child varies slowest.

    Warns
    -----
    UserWarning
        For a ``BAYES`` file with a table that does not sum to 1 over its child in either order.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "pair.uai")
    >>> with open(path, "w") as file:
    ...     _ = file.write("MARKOV 2  2 2  1  2 0 1  4  1 2 3 4")
    >>> cardinalities, factors = read_uai(path)
    >>> factors[0][1].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    return _read(path)[1:]


def _read(path: Any) -> tuple[str, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    file = _Tokens(path)
    kind = file.word("the type of the model, BAYES or MARKOV,")
    if kind not in ("BAYES", "MARKOV"):
        raise file.error(f"a .uai file must begin with BAYES or MARKOV; got {shown(kind)}", 0)
    # A count can be no larger than the number of tokens left: nothing is allocated for a corrupt one.
    n = file.whole("the number of units", 1, file.left() - 1, ", the entries left in the file")
    cardinalities = np.array([file.whole(f"the cardinality of unit {i}", 1, _LARGEST) for i in range(n)], np.int64)
    m = file.whole("the number of factors", 0, file.left() - 1, ", the entries left in the file")
    scopes = []
    for f in range(m):
        length = file.whole(f"the length of the scope of factor {f}", 0, n, ", the number of units")
        scope: list[int] = []
        for _ in range(length):
            i = file.whole(f"a unit in the scope of factor {f}", 0, n - 1, ", the last unit")
            if i in scope:
                raise file.error(f"the scope of factor {f} repeats unit {i}", file.next - 1)
            scope.append(i)
        scopes.append(np.array(scope, np.int64))
    factors, starts = [], []
    for f, units in enumerate(scopes):
        shape = [int(k) for k in cardinalities[units]]
        size = math.prod(shape)
        if len(shape) > 32:
            raise file.error(f"the scope of factor {f} has {len(shape)} units; tables of more than 32 are not supported")
        count = file.whole(f"the number of entries of factor {f}", 0, max(_LARGEST, size))
        if count != size:
            raise file.error(
                f"the table of factor {f} must have {size} entries, the product of the cardinalities {shape} of its scope; got {count}",
                file.next - 1,
            )
        first = file.next
        factors.append((units, file.numbers(size, f"the table of factor {f}").reshape(shape)))
        starts.append(first)
    file.end()
    if kind == "BAYES":
        _check_conditionals(file, factors, starts)
    return kind, cardinalities, factors


def _sums_to_one(table: np.ndarray, axis: int) -> bool:
    """Whether a table holds distributions along an axis; printed numbers are rounded, and impossible parents may have a row of zeros."""
    total = table.sum(axis)
    return bool(((np.abs(total - 1.0) <= _ROUNDED) | (total == 0.0)).all())


def _check_conditionals(file: _Tokens, factors: list[tuple[np.ndarray, np.ndarray]], starts: list[int]) -> None:
    """Refuse a Bayesian network whose entries are in another order, warn of one whose tables are no conditional distributions."""
    wrong = [f for f, (units, table) in enumerate(factors) if units.size and not _sums_to_one(table, -1)]
    if not wrong:
        return
    f = wrong[0]
    units, table = factors[f]
    what = f"the table of factor {f} does not sum to 1 over its last unit, {units[-1]}, which is the child in a BAYES file"
    if all(_sums_to_one(factors[g][1].reshape(factors[g][1].shape[-1], -1), 0) for g in wrong):
        raise file.error(
            f"{what}, but does where the child varies slowest: the file was written in another order of entries; write the child "
            "fastest, or, if the tables are meant as they stand, begin the file with MARKOV",
            starts[f],
        )
    sums = table.sum(-1).ravel()
    worst = float(sums[np.abs(sums - 1.0).argmax()])
    warnings.warn(
        f"{file.error(what, starts[f])} (sum {worst:g}); {len(wrong)} of {len(factors)} tables do not: they are used as weights, and the "
        "model is no Bayesian network",
        UserWarning,
        stacklevel=4,
    )


def _several_samples(file: _Tokens) -> int:
    """How many samples evidence has; 1 where it can be read as one."""
    if not all(t.isascii() and t.isdigit() and len(t) < 12 for t in file.tokens):
        return 1
    lines = [[int(t) for t in line] for line in file.lines()]
    whole = [all(len(line) == 1 + 2 * line[0] for line in lines[k:]) for k in (0, 1)]
    # One sample a line is what both dialects look like: with the number of samples in a line of its own before them, or without it.
    if whole[0] and len(lines) > 1:
        return len(lines)
    if len(lines[0]) == 1 and lines[0][0] == len(lines) - 1 > 1 and whole[1]:
        return lines[0][0]
    if len(lines[0]) == 1 and all(len(line) == 2 for line in lines[1:]):
        return 1  # a pair a line
    tokens = [v for line in lines for v in line]
    if _units_differ(tokens) or (tokens[0] == 1 and _units_differ(tokens[1:])):
        return 1
    with_number = _samples_in(tokens[1:])
    return tokens[0] if tokens[0] == with_number else max(1, _samples_in(tokens))


def _units_differ(tokens: list[int]) -> bool:
    """Whether these are one sample in which no unit comes twice."""
    return bool(tokens) and len(tokens) == 1 + 2 * tokens[0] and len(set(tokens[1::2])) == tokens[0]


def _samples_in(tokens: list[int]) -> int:
    """How many samples follow each other in these numbers without a rest; 0 where there is a rest."""
    place = count = 0
    while place < len(tokens):
        place += 1 + 2 * tokens[place]
        count += 1
    return count if place == len(tokens) else 0


def read_evidence(path: Any, cardinalities: Any = None) -> dict[int, int]:
    """Read an ``.evid`` file, with or without the leading number of samples.

    Parameters
    ----------
    path : path
    cardinalities : int array of shape (n,), optional
        Cardinalities of the model to which the evidence belongs; units and states are checked against them.

    Returns
    -------
    dict from unit to state

    Raises
    ------
    FileNotFoundError, FileFormatError

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "pair.uai.evid")
    >>> with open(path, "w") as file:
    ...     _ = file.write("1 2  0 1  5 0")
    >>> read_evidence(path)
    {0: 1, 5: 0}
    """
    file = _Tokens(path)
    if not file.left():
        return {}
    n = _LARGEST if cardinalities is None else len(cardinalities)
    samples = _several_samples(file)
    if samples > 1:
        raise file.error(
            f"evidence must be of one sample, or begin with the number of observed units; got {samples} samples: write a file for each",
            0,
        )
    # Both variants have a number of tokens of their own parity: 1 + 2 k as it is, 2 + 2 k after a number of samples.
    if file.left() % 2 == 0:
        samples = file.whole("the number of samples", 0, _LARGEST)
        if samples != 1:
            raise file.error(
                f"evidence must be of one sample, or begin with the number of observed units; got {samples} samples", 0
            )
    count = file.whole("the number of observed units", 0, n, ", the number of units")
    if file.left() != 2 * count:
        raise file.error(
            f"{count} observed units need {2 * count} entries, pairs of unit and state; {file.left()} are left", file.next - 1
        )
    out: dict[int, int] = {}
    for _ in range(count):
        i = file.whole("an observed unit", 0, n - 1, ", the last unit")
        most = _LARGEST if cardinalities is None else int(cardinalities[i]) - 1
        k = file.whole(f"the observed state of unit {i}", 0, most, ", its last state")
        if out.setdefault(i, k) != k:
            raise file.error(f"unit {i} is observed in two states, {out[i]} and {k}", file.next - 1)
    return out


def write_uai(target: Any, path: Any) -> None:
    """Write a discrete target as a ``MARKOV`` model; the format does not contain evidence, which `write_evidence` writes.

    Parameters
    ----------
    target : discrete target
        Anything with ``cardinalities``, ``scopes`` and ``log_tables``.
    path : path
        An existing file is replaced.

    Raises
    ------
    ArgumentError
        For a weight whose exponential is not a float64.

    Examples
    --------
    >>> import os, tempfile
    >>> from weakchaos.targets.factor_graph import FactorGraph, packaged
    >>> path = os.path.join(tempfile.mkdtemp(), "asia.uai")
    >>> write_uai(packaged("asia"), path)
    >>> FactorGraph.from_uai(path)
    <FactorGraph 'asia': 8 units, 8 factors>
    """
    scopes, tables = list(target.scopes), list(target.log_tables)
    lines = ["MARKOV", str(len(target.cardinalities)), " ".join(str(int(k)) for k in target.cardinalities), str(len(scopes))]
    lines += [" ".join(str(int(v)) for v in (len(scope), *scope)) for scope in scopes]
    for f, table in enumerate(tables):
        logarithms = np.asarray(table, np.float64).ravel()
        with np.errstate(over="ignore", under="ignore"):
            values = np.exp(logarithms)
        bad = np.flatnonzero((values == np.inf) | ((values == 0.0) & (logarithms > -np.inf)))
        if bad.size:
            raise ArgumentError(
                f"`target` has a weight of exp({logarithms[bad[0]]:g}) in factor {f}, for which the format has no number; "
                "add a constant to its log table"
            )
        lines += ["", str(values.size), " ".join(repr(float(v)) for v in values)]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_evidence(observed: Mapping[int, int], path: Any) -> None:
    """Write evidence, from units to states, as an ``.evid`` file: the number of observed units, then the pairs.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "asia.uai.evid")
    >>> write_evidence({2: 0, 6: 1}, path)
    >>> read_evidence(path)
    {2: 0, 6: 1}
    """
    pairs = [f"{int(i)} {int(k)}" for i, k in observed.items()]
    Path(path).write_text(" ".join([str(len(pairs)), *pairs]) + "\n", encoding="utf-8")
