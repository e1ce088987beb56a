"""Columns out of .npy, .npz and parquet files; nothing is ever unpickled."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weakchaos.core.errors import FileFormatError

__all__ = ["Column", "from_numpy", "from_parquet"]


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes
    ----------
    name : str
        From the header, or its number.
    values : array of shape (n,)
        Numbers (float64, int64), ``datetime64``, or strings.
    missing : boolean array of shape (n,)
        Where there is no value, or none that is finite.
    rows : int64 array of shape (n,)
        Where each value stands in the file, in the words of `unit`.
    unit : {"line", "row"}
        Lines of text count from 1, rows of an array from 0.
    quantum : float
        Half a unit of the last digit written, 0 where numbers are stored in full.
    named : bool
        Whether the file gives the name.
    """

    name: str
    values: np.ndarray
    missing: np.ndarray
    rows: np.ndarray
    unit: str
    quantum: float = 0.0
    named: bool = True


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
        own = name if array.ndim == 1 else f"{name}[{k}]" if named else str(k)
        out.append(Column(own, values, missing, np.arange(values.size), "row", 0.0, named))
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
        raise FileFormatError(f"{path} is an archive without arrays; of an Excel workbook save the sheet as CSV")
    out = [c for name, array in arrays.items() for c in _array_columns(path, name or "0", array, bool(name))]
    if not out or not any(c.values.size for c in out):
        raise FileFormatError(f"{path} holds no values")
    return out


def from_parquet(path: Path, content: bytes) -> list[Column]:
    """The columns of a parquet file that hold numbers, times or strings."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise FileFormatError(f"{path} is a parquet file, which needs pyarrow: pip install 'weakchaos[parquet]'") from error
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise FileFormatError(f"{path} is damaged, or is no parquet file ({error})") from error
    out = []
    for name, data in zip(table.column_names, table.columns, strict=True):
        kind, missing = data.type, np.asarray(data.is_null())
        if pyarrow.types.is_dictionary(kind):
            data = data.cast(kind.value_type)
            kind = data.type
        if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
            values = np.array(["" if v is None else v for v in data.to_pylist()])
        elif pyarrow.types.is_temporal(kind) and not (pyarrow.types.is_time(kind) or pyarrow.types.is_duration(kind)):
            values = np.array(data.cast(pyarrow.timestamp("us")).to_numpy(), "datetime64[us]")
        elif pyarrow.types.is_boolean(kind) or (pyarrow.types.is_integer(kind) and not missing.any()):
            values = np.array([0 if v is None else int(v) for v in data.to_pylist()], np.int64)
        elif pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_decimal(kind):
            values = np.array([math.nan if v is None else float(v) for v in data.to_pylist()])
            missing = missing | ~np.isfinite(values)
        else:
            continue
        out.append(Column(str(name), values, missing, np.arange(len(values)), "row"))
    if not out or not len(out[0].values):
        raise FileFormatError(f"{path} holds no column of numbers, times or strings")
    return out
