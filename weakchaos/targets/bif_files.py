"""Bayesian networks in the Interchange Format (BIF), the files of the bnlearn repository.

A file has a ``network``, a ``variable`` block for each unit with its states, and a ``probability`` block for each unit: ``( child | parents )`` with either
one ``table``, the first of its units slowest, or a row of probabilities of the child for each state of the parents, ``(yes, no) 0.1, 0.9;``, with ``default`` for those
that are not listed. Described in F. G. Cozman, The Interchange Format for Bayesian Networks, version 0.15 (1998),
https://www.cs.cmu.edu/~fgcozman/Research/InterchangeFormat/.
"""

from __future__ import annotations

import gzip
import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, FileFormatError, shown

__all__ = ["read_bif"]

_TOKEN = re.compile(r'"[^"\n]*"|[{}()\[\];|]|[^\s,{}()\[\];|"]+')
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_ROUNDED = 5e-3


class _Reader:
    def __init__(self, path: Any):
        try:
            self.path = Path(path)
        except TypeError as error:
            raise ArgumentTypeError(f"`path` must be the path of a file; got {shown(path)}") from error
        try:
            data = self.path.read_bytes()
            text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
        except IsADirectoryError as error:
            raise FileFormatError(f"{self.path} is a folder, not a file") from error
        except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
            raise FileFormatError(f"{self.path} is no text in UTF-8") from error
        text = _COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
        lines = enumerate(text.split("\n"), 1)
        self.tokens = [(m.group().strip('"'), k) for k, line in lines for m in _TOKEN.finditer(line)]
        self.next = 0

    def error(self, message: str) -> FileFormatError:
        line = self.tokens[min(self.next, len(self.tokens)) - 1][1] if self.tokens else 1
        return FileFormatError(f"{self.path}, line {line}: {message}")

    def take(self, expected: str | None = None) -> str:
        if self.next >= len(self.tokens):
            raise self.error(f"the file ends where {shown(expected) if expected else 'more'} should follow")
        self.next += 1
        token = self.tokens[self.next - 1][0]
        if expected is not None and token != expected:
            raise self.error(f"{shown(expected)} must stand here; got {shown(token)}")
        return token

    def until(self, end: str) -> list[str]:
        out = []
        while (token := self.take()) != end:
            if token in "{};":
                raise self.error(f"{shown(end)} must stand here; got {shown(token)}")
            out.append(token)
        return out

    def skip_block(self) -> None:
        depth = 1
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")

    def numbers(self, count: int) -> list[float]:
        words = self.until(";")
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise self.error(f"probabilities must be numbers; got {shown(' '.join(words))}") from None
        if len(values) != count:
            raise self.error(f"{count} probabilities must stand here; got {len(values)}")
        if not all(0.0 <= v <= 1.0 + _ROUNDED for v in values):
            raise self.error(f"probabilities must be from 0 to 1; got {shown(' '.join(words))}")
        return values


def _variable(file: _Reader, states: dict[str, list[str]]) -> None:
    name = file.take()
    if name in states:
        raise file.error(f"variable {name!r} comes twice")
    file.take("{")
    while (token := file.take()) != "}":
        if token == "property":
            file.until(";")
            continue
        if token != "type":
            raise file.error(f"'type' must stand in a variable; got {shown(token)}")
        if file.take() != "discrete":
            raise file.error(f"variable {name!r} must be discrete")
        file.take("[")
        count = file.until("]")
        file.take("{")
        states[name] = file.until("}")
        if count != [str(len(states[name]))] or len(set(states[name])) != len(states[name]):
            raise file.error(f"variable {name!r} must have {' '.join(count)} different states; got {shown(states[name])}")
        file.take(";")
    if name not in states:
        raise file.error(f"variable {name!r} has no type")


def _probability(file: _Reader, states: dict[str, list[str]]) -> tuple[list[str], np.ndarray]:
    """Units of a table, parents first, and the table."""
    file.take("(")
    units = [w for w in file.until(")") if w != "|"]
    if not units:
        raise file.error("a probability must name its child")
    for unit in units:
        if unit not in states:
            raise file.error(f"{unit!r} is no variable of this network")
    if len(set(units)) != len(units):
        raise file.error(f"a probability must not repeat a variable; got {shown(units)}")
    child, parents = units[0], units[1:]
    shape, k = [len(states[p]) for p in parents], len(states[child])
    if math.prod(shape) * k > 1 << 26:
        raise file.error(f"the table of {child!r} has {math.prod(shape) * k} entries; at most 2**26 are read")
    table = np.full([*shape, k], np.nan)
    default: list[float] | None = None
    file.take("{")
    while (token := file.take()) != "}":
        if token == "property":
            file.until(";")
        elif token == "table":
            table = np.moveaxis(np.reshape(file.numbers(table.size), [k, *shape]), 0, -1)
        elif token == "default":
            default = file.numbers(k)
        elif token == "(":
            row = file.until(")")
            if len(row) != len(parents) or any(s not in states[p] for s, p in zip(row, parents, strict=False)):
                raise file.error(f"{shown(row)} must be states of {shown(parents)}")
            place = tuple(states[p].index(s) for s, p in zip(row, parents, strict=True))
            if not np.isnan(table[place]).all():
                raise file.error(f"the row {shown(row)} of {child!r} comes twice")
            table[place] = file.numbers(k)
        else:
            raise file.error(f"a row of probabilities must stand here; got {shown(token)}")
    for place in itertools.product(*map(range, shape)):
        if np.isnan(table[place]).any():
            if default is None:
                raise file.error(
                    f"the table of {child!r} has no row for {shown([states[p][i] for p, i in zip(parents, place, strict=True)])}"
                )
            table[place] = default
    sums = table.sum(-1)
    if not (np.abs(sums - 1.0) <= _ROUNDED).all():
        raise file.error(
            f"the probabilities of {child!r} must sum to 1 for every state of its parents; got {sums.ravel()[np.abs(sums - 1).argmax()]:g}"
        )
    return [*parents, child], table


def read_bif(path: Any) -> dict[str, Any]:
    """A BIF file, plain or compressed by gzip, as the arguments of `FactorGraph`.

    Raises
    ------
    FileNotFoundError, FileFormatError
        With the path and the line.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "rain.bif")
    >>> with open(path, "w") as file:
    ...     _ = file.write('''network rain {}
    ... variable rain { type discrete [ 2 ] { no, yes }; }
    ... variable wet { type discrete [ 2 ] { no, yes }; }
    ... probability ( rain ) { table 0.8, 0.2; }
    ... probability ( wet | rain ) { (no) 0.9, 0.1; (yes) 0.2, 0.8; }''')
    >>> found = read_bif(path)
    >>> found["names"], found["children"], found["factors"][1][1].tolist()
    (['rain', 'wet'], ['rain', 'wet'], [[0.9, 0.1], [0.2, 0.8]])
    """
    file = _Reader(path)
    name = file.path.name.split(".")[0]
    states: dict[str, list[str]] = {}
    tables: dict[str, tuple[list[str], np.ndarray]] = {}
    while file.next < len(file.tokens):
        block = file.take()
        if block == "network":
            while file.take() != "{":
                pass
            file.skip_block()
        elif block == "variable":
            _variable(file, states)
        elif block == "probability":
            units, table = _probability(file, states)
            if units[-1] in tables:
                raise file.error(f"the probabilities of {units[-1]!r} come twice")
            tables[units[-1]] = (units, table)
        else:
            raise file.error(f"a block must begin with network, variable or probability; got {shown(block)}")
    if not states:
        raise file.error("the file has no variable")
    missing = [n for n in states if n not in tables]
    if missing:
        raise file.error(f"the file has no probabilities of {missing[0]!r}")
    return {
        "cardinalities": [len(s) for s in states.values()],
        "factors": [tables[n] for n in states],
        "names": list(states),
        "states": list(states.values()),
        "name": name,
        "children": list(states),
    }
