"""Pages of the reference: one a subpackage, in which mkdocstrings sets the docstrings, and one for the command line."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

# Page, module whose public names it shows, and its title.
PARTS = (
    ("weakchaos", "weakchaos", "weakchaos: targets and verbs"),
    ("samplers", "weakchaos.samplers", "weakchaos.samplers"),
    ("herding", "weakchaos.herding", "weakchaos.herding"),
    ("drivers", "weakchaos.drivers", "weakchaos.drivers"),
    ("systems", "weakchaos.systems", "weakchaos.systems"),
    ("diagnostics", "weakchaos.diagnostics", "weakchaos.diagnostics"),  # in several pages, by where its parts are
    ("renormalization", "weakchaos.renormalization", "weakchaos.renormalization"),  # in several pages, too
    ("layers", "weakchaos.renormalization.layers", "weakchaos.renormalization.layers"),
    ("kernels", "weakchaos.kernels", "weakchaos.kernels"),
    ("zoo", "weakchaos.targets.zoo", "weakchaos.zoo"),
    ("interop", "weakchaos.interop", "weakchaos.interop"),
    ("experiments_api", "weakchaos.experiments", "weakchaos.experiments"),
    ("errors", "weakchaos.core.errors", "weakchaos.errors"),
)


def _first_sentence(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    line = " ".join(text.split("\n\n")[0].split())
    found = re.match(r"(.+?[^.\s][.:;])(?: |$)", line)  # "1 .. n" ends no sentence
    return (found.group(1) if found else line).rstrip(":;").replace("|", "\\|")


def _home(value: Any, module: str, name: str) -> str:
    """Where the definition stands: a page shows it under its public name, and mkdocstrings looks there."""
    return f"{getattr(value, '__module__', module)}.{getattr(value, '__qualname__', name)}"


def _names(module: Any) -> list[str]:
    return [n for n in module.__all__ if not n.startswith("_")]


def part_page(module_name: str, title: str, chosen: Callable[[Any], bool] = lambda value: True) -> str:
    """The page of one subpackage, or of the chosen ones of its names: a table, then each name with its docstring."""
    module = importlib.import_module(module_name)
    found = [(name, getattr(module, name)) for name in _names(module)]
    below = [(n, v) for n, v in found if inspect.ismodule(v)]
    own = [(n, v) for n, v in found if not inspect.ismodule(v) and (inspect.isclass(v) or callable(v)) and chosen(v)]
    lines = [f"# {title}", "", (inspect.getdoc(module) or "").strip(), ""]
    if own:
        lines += ["| name | what it is |", "|---|---|"]
        lines += [
            f"| [`{n}`](#{_home(v, module_name, n)}) | {_first_sentence(v)} |" for n, v in sorted(own, key=lambda p: p[0].lower())
        ]
        lines.append("")
    for name, value in sorted(own, key=lambda p: p[0].lower()):
        lines += _entry(name, value, module_name, 2)
    shown = {module for _, module, _ in PARTS}
    for name, value in below:
        if value.__name__ in shown:
            continue
        lines += ["", f"## `{title}.{name}`", "", (inspect.getdoc(value) or "").strip(), ""]
        for inner in getattr(value, "__all__", ()):
            thing = getattr(value, inner)
            if inspect.isclass(thing) or callable(thing):
                lines += _entry(f"{name}.{inner}", thing, value.__name__, 3)
    return "\n".join(lines) + "\n"


def _entry(name: str, value: Any, module: str, level: int) -> list[str]:
    return [
        f"::: {_home(value, module, name.rpartition('.')[2])}",
        "    options:",
        f"      heading: {name}",
        f"      heading_level: {level}",
        "",
    ]


def commands_page() -> str:
    """All commands of the command line with their arguments and options."""
    import typer.main

    from weakchaos.cli import app

    group = typer.main.get_command(app)
    lines = ["# The command line", "", "[Rules that all commands share, and exit codes](../pipelines.md).", ""]
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        about = " ".join((command.help or "").split("\n\n")[0].split())
        more = [" ".join(part.split()) for part in (command.help or "").split("\n\n")[1:]]
        lines += [f"## weakchaos {name}", "", about, "", *(f"{part}\n" for part in more)]
        lines += ["| argument or option | default | meaning |", "|---|---|---|"]
        for p in command.params:
            if p.name in ("help", "install_completion", "show_completion"):
                continue
            if p.param_type_name == "argument":
                shown = f"`{(p.name or '').upper()}`"
            else:
                flag = "" if getattr(p, "is_flag", False) else f" {p.metavar or 'TEXT'}"
                shown = f"`{', '.join([*p.opts, *p.secondary_opts])}{flag}`"
            default = "" if p.default in (None, "", False) else f"`{p.default}`"
            lines.append(
                f"| {shown.replace('|', chr(92) + '|')} | {default} | {(getattr(p, 'help', '') or '').replace('|', chr(92) + '|')} |"
            )
        lines.append("")
    lines += ["## weakchaos --version", "", "The versions of the package, of Python and of what its numbers rest on.", ""]
    return "\n".join(lines)


# Of subpackages that are too large for one page: folders with the words for them, and the words for all that is in none of these.
_FOLDERS = {
    "diagnostics": (
        {"orbits": "of systems", "series": "of recorded numbers", "symbols": "of symbols"},
        "convergence, discrepancy, reports",
    ),
    "renormalization": ({"coarse": "of spins and populations", "theory": "in theory"}, "networks"),
}


def _under(module: str, folder: str) -> Callable[[Any], bool]:
    return lambda value: str(getattr(value, "__module__", "")).startswith(f"{module}.{folder}.")


def _outside(module: str, folders: Iterable[str]) -> Callable[[Any], bool]:
    return lambda value: not any(_under(module, folder)(value) for folder in folders)


def pages() -> dict[str, str]:
    """All pages of the reference."""
    made: dict[str, str] = {}
    for page, module, title in PARTS:
        folders, rest = _FOLDERS.get(page, ({}, ""))
        for folder, what in folders.items():
            made[f"reference/{page}_{folder}.md"] = part_page(module, f"{title} {what}", _under(module, folder))
        made[f"reference/{page}.md"] = part_page(module, f"{title}: {rest}" if rest else title, _outside(module, folders))
    return {**made, "reference/commands.md": commands_page()}
