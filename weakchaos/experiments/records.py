"""The last full run of each experiment, stored as data beside the code: ``python -m weakchaos.experiments NAME`` makes it.

A record holds everything that `measure` handed to `conclude`, so the verdict is drawn from the numbers whenever it is shown, and no sentence about
it is stored.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weakchaos import __version__
from weakchaos.core.errors import ArgumentError
from weakchaos.core.plain import strict_json
from weakchaos.core.text_table import aligned
from weakchaos.experiments import _module, claim, names, source
from weakchaos.experiments.conclusion import Conclusion

__all__ = ["conclude_again", "listing", "record", "recorded", "recorded_conclusion", "summaries"]

_FOLDER = Path(__file__).parent / "recorded"
_PICTURES = "pictures"  # arrays that are only drawn


def record(name: str, seed: int = 0, executor: Any = None, folder: Any = None) -> Path:
    """Run an experiment in full and store what it measured, with version, date, seed and CPU time.

    Returns
    -------
    Path
        The JSON file, ``recorded/NAME.json`` in this package where no `folder` is given.
    """
    module = _module(name)
    wall, cpu = time.perf_counter(), time.process_time()
    data = {k: v for k, v in module.measure(False, seed, executor).items() if k != _PICTURES}
    content = {
        "name": name,
        "version": __version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seed": seed,
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "data": data,
    }
    return _keep(content, folder)


def conclude_again(name: str, folder: Any = None) -> Path:
    """Draw the verdict anew from the stored numbers, after `conclude` has changed; nothing is run."""
    content = recorded(name, folder)
    if content is None:
        raise ArgumentError(f"`name` must be an experiment with a recorded full run; got {name!r}: record one with `record` first")
    return _keep(content, folder)


def _keep(content: dict[str, Any], folder: Any) -> Path:
    # Through JSON first, so that the verdict is that of the numbers as they are kept.
    content = json.loads(strict_json(_rounded(content)))
    content["verdict"] = _module(content["name"]).conclude(content["data"]).verdict
    path = Path(folder or _FOLDER) / f"{content['name']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _rounded(value: Any) -> Any:
    """Numbers with six digits: more than any interval needs, in a third of the space."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def recorded(name: str, folder: Any = None) -> dict[str, Any] | None:
    """The record of the last full run of an experiment; None if there is none.

    Examples
    --------
    >>> recorded("sturmian")["seed"]
    0
    """
    _module(name)
    path = Path(folder or _FOLDER) / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def recorded_conclusion(name: str) -> Conclusion | None:
    """The conclusion from the numbers of the last full run; None if there was none."""
    kept = recorded(name)
    return None if kept is None else _module(name).conclude(kept["data"])


def _state(name: str) -> str:
    kept, conclusion = recorded(name), recorded_conclusion(name)
    if kept is None or conclusion is None:
        return "no full run recorded by this version"
    other = "" if kept["version"] == __version__ else "no full run recorded by this version; by an earlier one: "
    by = f"full run of {kept['date']}, version {kept['version']}, seed {kept['seed']}, {kept['cpu_seconds']:.0f} s of CPU"
    return f"{other}{conclusion.verdict} ({by})"


def summaries(chosen: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Claim, source, verdict and numbers of the last full run of the chosen experiments, or of all, as plain data; None where there was no run.

    Examples
    --------
    >>> summaries(["sturmian"])[0]["seed"]
    0
    """
    out = []
    for name in names() if chosen is None else chosen:
        kept, conclusion = recorded(name), recorded_conclusion(name)
        run = {} if kept is None else {key: kept[key] for key in ("version", "date", "seed", "cpu_seconds")}
        out.append(
            {
                "name": name,
                "claim": claim(name),
                "source": source(name),
                "verdict": None if conclusion is None else conclusion.verdict,
                **run,
                "numbers": [] if conclusion is None else conclusion.numbers(),
            }
        )
    return out


def listing(table: bool = False, chosen: Sequence[str] | None = None) -> str:
    """Claim, source and verdict of the last full run of the chosen experiments, or of all; with `table` its numbers with 95 % intervals too.

    Examples
    --------
    >>> print(listing(chosen=["sturmian"]).splitlines()[1].split()[0])
    claim
    """
    blocks = []
    for name in names() if chosen is None else chosen:
        lines = [name, f"  claim    {claim(name)}", f"  source   {source(name)}", f"  verdict  {_state(name)}"]
        conclusion = recorded_conclusion(name) if table else None
        if conclusion is not None:
            keys = ("quantity", "value", "low", "high", "over", "asked", "outcome")
            rows = [{k: row[k] for k in keys} for row in conclusion.numbers()]
            lines += ["", *(f"  {line}" for line in aligned(rows).splitlines())]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
