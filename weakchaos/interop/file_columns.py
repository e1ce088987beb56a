"""Columns of .npy, .npz and parquet files, which are never unpickled, and of tables of pandas and polars."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_integer
from weakchaos.core.errors import FileFormatError
from weakchaos.interop.dates import local_or_universal
from weakchaos.interop.layout import heading

__all__ = ["Column", "from_frame", "from_numpy", "from_parquet", "is_frame", "marked"]


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes
    ----------
    name : str
        Name from the header, or the number of the column.
    values : array of shape (n,)
        Numbers (float64, int64), ``datetime64``, or strings.
    missing : boolean array of shape (n,)
        True where there is no value or the value is not finite.
    rows : int64 array of shape (n,)
        Number of the line or row of each value in the file, see `unit`.
    unit : {"line", "row"}
        Lines of text are counted from 1, rows of an array from 0.
    quantum : float
        Half a unit of the last written digit; 0 if numbers are stored in binary form.
    named : bool
        Whether the file gives the name.
    unit_of_values : str
        Unit of the values, from the heading, a row of units, or the text beside the numbers.
    heading : str
        The name as written in the file, with its unit.
    clock : bool
        Whether the values are times of day, in seconds.
    doubt : str
        How the cells were read, if there is another way to read them.
    broken : str
        The error to raise if this column is requested, because some cells of a column of numbers are not numbers.
    """

    name: str
    values: np.ndarray
    missing: np.ndarray
    rows: np.ndarray
    unit: str
    quantum: float = 0.0
    named: bool = True
    unit_of_values: str = ""
    heading: str = ""
    clock: bool = False
    doubt: str = ""
    broken: str = ""


def _array_columns(path: Path, name: str, array: np.ndarray, named: bool) -> list[Column]:
    if array.dtype.names:
        return [c for field in array.dtype.names for c in _array_columns(path, field, np.atleast_1d(array)[field], True)]
    if array.dtype.kind not in "biufSUmM":
        raise FileFormatError(f"{path} must hold real numbers, times or strings; {name!r} has dtype {array.dtype}")
    if array.dtype.kind == "S":
        array = np.char.decode(array, "latin-1")
    if array.ndim not in (1, 2):
        raise FileFormatError(f"{path} must hold arrays of one or two axes; {name!r} has shape {array.shape}")
    if array.ndim == 2 and array.shape[0] < array.shape[1]:
        array = array.T  # series along rows: there is hardly one of fewer numbers than there are series
    out = []
    seconds = array.dtype.kind == "m"
    for k, values in enumerate([array] if array.ndim == 1 else array.T):
        missing = np.zeros(values.size, bool)
        if values.dtype.kind in "fmM":
            missing = ~np.isfinite(values) if values.dtype.kind == "f" else np.isnat(values)
        if values.dtype.kind == "m":
            values = np.where(missing, math.nan, values / np.timedelta64(1, "s"))
        elif values.dtype.kind == "f":
            values = values.astype(np.float64)
        elif values.dtype.kind in "biu":
            values = values.astype(np.float64 if values.size and values.max() > np.iinfo(np.int64).max else np.int64)
        own = name if array.ndim == 1 or (named and array.shape[1] == 1) else f"{name}[{k}]" if named else str(k)
        bare, unit = heading(name) if named and own == name else (own, "s" if seconds else "")
        out.append(Column(bare, values, missing, np.arange(values.size), "row", 0.0, named, unit, own if named else ""))
    return out


def from_numpy(path: Path, content: bytes) -> list[Column]:
    """The arrays of a .npy or .npz file."""
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = {"": loaded} if isinstance(loaded, np.ndarray) else {k: loaded[k] for k in loaded.files}
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise FileFormatError(
                f"{path} holds Python objects, which are not unpickled: save numbers or strings, as in np.save(path, np.asarray(x, float))"
            ) from error
        raise FileFormatError(f"{path} is damaged, or is no NumPy file ({error})") from error
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError) as error:
        raise FileFormatError(f"{path} is damaged, or is no NumPy file ({error})") from error
    # Other archives are zip files too, and np.load hands out their members as bytes.
    if not arrays or not all(isinstance(a, np.ndarray) for a in arrays.values()):
        raise FileFormatError(f"{path} is an archive without arrays; if it is an Excel workbook, save the sheet as CSV")
    out = [c for name, array in arrays.items() for c in _array_columns(path, name or "0", array, bool(name))]
    if not out or not any(c.values.size for c in out):
        raise FileFormatError(f"{path} holds no values")
    return out


def from_parquet(path: Path, content: bytes) -> list[Column]:
    """The columns of a parquet file that hold numbers, times or strings."""
    import pandas as pd

    try:
        import pyarrow
    except ImportError as error:
        raise FileFormatError(f"{path} is a parquet file, which needs pyarrow: pip install 'weakchaos[parquet]'") from error
    try:
        frame = pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise FileFormatError(f"{path} is damaged, or is no parquet file ({' '.join(str(error).split())})") from error
    return from_frame(frame, str(path))


def is_frame(table: Any) -> bool:
    """Whether an object is a Series, an Index or a DataFrame of pandas or polars; neither library is imported."""
    return type(table).__module__.partition(".")[0] in ("pandas", "polars") and type(table).__name__ in ("Series", "DataFrame")


def from_frame(table: Any, source: str) -> list[Column]:
    """The columns of a Series or DataFrame that hold numbers, times or strings; an index comes last, unless it only counts the rows.

    Examples
    --------
    >>> import pandas as pd
    >>> series = pd.Series([1.0, 2.0], pd.date_range("2020-01-01", periods=2, freq="h"), name="level")
    >>> [(column.name, column.values.dtype.kind) for column in from_frame(series, "the table")]
    [('level', 'f'), ('index', 'M')]
    """
    import pandas as pd

    parts: list[tuple[Any, Any]] = []
    if type(table).__module__.startswith("polars"):
        table = table.to_frame() if type(table).__name__ == "Series" else table
        parts = [(name, pd.Series(table[name].to_numpy())) for name in table.columns]
    else:
        frame = table.to_frame() if isinstance(table, pd.Series) else table
        parts = [(frame.columns[k], frame.iloc[:, k].reset_index(drop=True)) for k in range(frame.shape[1])]
        # Behind the columns, so that a column has the number that it has in the table.
        levels = [frame.index.get_level_values(k) for k in range(frame.index.nlevels)]
        if len(levels) > 1 or levels[0].name is not None or not isinstance(levels[0], pd.RangeIndex):
            parts += [("index" if level.name is None else level.name, level.to_series().reset_index(drop=True)) for level in levels]
    out = []
    for k, (name, values) in enumerate(parts):
        own = " ".join(map(str, name)) if isinstance(name, tuple) else name
        named = own is not None and not is_integer(own)
        column = _frame_column(str(own) if named else str(k), values, named)
        if column is not None:
            out.append(column)
    if not out or not out[0].values.size:
        raise FileFormatError(f"{source} holds no column of numbers, times or strings")
    return out


def _frame_column(name: str, data: Any, named: bool) -> Column | None:
    """One column of pandas; None where it holds neither numbers nor times nor strings."""
    import pandas as pd

    if isinstance(data.dtype, pd.CategoricalDtype):
        data = data.astype(data.cat.categories.dtype)
    if isinstance(data.dtype, pd.PeriodDtype):
        data = data.dt.to_timestamp()
    if isinstance(data.dtype, pd.SparseDtype):
        data = data.sparse.to_dense()
    missing = data.isna().to_numpy(bool)
    kind = pd.api.types
    own, unit = heading(name) if named else (name, "")
    values: np.ndarray
    if data.dtype == object:
        data = data.infer_objects()
        inferred = kind.infer_dtype(data, skipna=True)
        if inferred in ("decimal", "mixed-integer-float", "integer", "floating", "boolean"):
            data = pd.to_numeric(data.where(~missing).astype(float))
        elif inferred in ("date", "datetime"):
            data = pd.to_datetime(data)
        elif inferred not in ("string", "empty"):
            return None
    if kind.is_bool_dtype(data) or (kind.is_integer_dtype(data) and not missing.any()):
        values = data.fillna(False).to_numpy() if kind.is_bool_dtype(data) else data.to_numpy()
        values = values.astype(
            np.float64 if values.dtype.kind == "u" and values.size and values.max() > np.iinfo(np.int64).max else np.int64
        )
    elif kind.is_datetime64_any_dtype(data):
        local = data.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        universal = data if data.dt.tz is None else data.dt.tz_convert("UTC").dt.tz_localize(None)
        values = local_or_universal(local, universal.to_numpy().astype("datetime64[us]"))
    elif kind.is_timedelta64_dtype(data):
        values, unit = data.dt.total_seconds().to_numpy(np.float64), "s"
    elif kind.is_complex_dtype(data):
        return None
    elif kind.is_numeric_dtype(data):
        values = data.to_numpy(np.float64, na_value=math.nan)
        missing = missing | ~np.isfinite(values)
    elif kind.is_string_dtype(data):
        values = np.array(["" if gone else str(v) for v, gone in zip(data, missing, strict=True)])
    else:
        return None
    return Column(own, values, missing, np.arange(values.size), "row", 0.0, named, unit, name if named else "")


def marked(column: Column, marks: list[Any]) -> Column:
    """A column with the values that mark missing data taken for missing."""
    found = column.missing.copy()
    for mark in marks:
        if column.values.dtype.kind in "iuf":
            number = _number(mark)
            if number is not None:
                found |= column.values == number
        elif column.values.dtype.kind == "U":
            found |= column.values == str(mark)
    if not (found & ~column.missing).any():
        return column
    values = column.values
    if values.dtype.kind in "iuf":
        values = np.where(found, math.nan, values.astype(np.float64))
    return replace(column, values=values, missing=found)


def _number(mark: Any) -> float | None:
    try:
        return float(mark)
    except (TypeError, ValueError):
        return None
