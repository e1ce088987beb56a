"""Models of networks from files: exported programs, and functions of a Python file that build a module."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, FileFormatError, shown
from weakchaos.renormalization.networks.torch import is_module

__all__ = ["load_batch", "load_model"]


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ArgumentError("`MODEL` needs PyTorch, which is not installed: pip install torch") from None
    return torch


def load_model(spec: str, say: Any = None) -> Any:
    """A module from an exported program, ``model.pt2``, or from ``file.py:function``, whose code is run.

    Parameters
    ----------
    spec : str
    say : callable, optional
        Called with a sentence that says which code is about to be run.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ArgumentError, FileFormatError
    """
    path, colon, name = spec.rpartition(":")
    if colon and path.endswith(".py"):
        return _built(Path(path).expanduser(), name, say)
    file = Path(spec).expanduser()
    if file.suffix == ".py":
        raise ArgumentError(f"`MODEL` must name the function that builds the module, as in {file.name}:build; got {shown(spec)}")
    if not file.exists():
        raise ArgumentError(f"`MODEL` must be an exported program (.pt2) or file.py:function; there is no file {spec}")
    if file.suffix != ".pt2":
        raise ArgumentError(
            f"`MODEL` must be an exported program (.pt2) or file.py:function; got {shown(spec)}. Pickled modules (.pt, .pth, .pkl) are not read: "
            "unpickling runs whatever code the file holds. Save with torch.export.save(torch.export.export(model, (example,)), 'model.pt2')"
        )
    torch = _torch()
    try:
        program = torch.export.load(str(file))
        return torch.export.unflatten(program)
    except Exception as error:  # whatever the reader raises, the file is at fault
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(
            f"{file}: not an exported program that this version of PyTorch ({torch.__version__}) reads: {text}"
        ) from error


def _built(path: Path, name: str, say: Any) -> Any:
    if not path.exists():
        raise ArgumentError(f"`MODEL`: there is no file {path}")
    torch = _torch()
    if say is not None:
        say(f"running {path} to build the model with {name}()")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileFormatError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    # The file may import its neighbours, as it does when it is run by itself.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
        function = getattr(module, name, None)
        if not callable(function):
            have = ", ".join(k for k, v in vars(module).items() if callable(v) and not k.startswith("_")) or "none"
            raise ArgumentError(f"`MODEL`: {path.name} has no function {name!r}; functions there: {have}")
        model = function()
    finally:
        sys.path.remove(str(path.resolve().parent))
    if not is_module(model):
        raise ArgumentError(f"`MODEL`: {name}() must build a torch.nn.Module; it gave {shown(model)}")
    del torch
    return model


def load_batch(path: str, what: str = "--data") -> np.ndarray:
    """An array from a .npy file, or the first array of an .npz; nothing is unpickled.

    Raises
    ------
    ArgumentError, FileFormatError
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ArgumentError(f"`{what}` must be a .npy or .npz file; there is no file {path}")
    try:
        data = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise FileFormatError(f"{file}: not an array that can be read without unpickling ({str(error).splitlines()[0]})") from error
    if isinstance(data, np.ndarray):
        return data
    with data:
        if not data.files:
            raise FileFormatError(f"{file}: holds no array")
        try:
            return data[data.files[0]]
        except ValueError as error:
            raise FileFormatError(f"{file}: not an array that can be read without unpickling") from error
