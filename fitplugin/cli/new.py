"""Commands that write what a user starts from."""

from __future__ import annotations

import importlib.util
import keyword
import re
import tempfile
from importlib.resources import files
from pathlib import Path
from textwrap import dedent, indent

import click

from fitplugin.errors import InputError, one_of

KINDS = {
    "constraint": "fitplugin.constraints",
    "likelihood": "fitplugin.likelihoods",
    "surrogate": "fitplugin.surrogates",
    "sampler": "fitplugin.samplers",
}
"""Kinds of plugins that have a template, and their groups."""

# where a scan file names them: the end of templates/scan.yaml, which stops in a region
_SECTIONS = {
    "constraint": "constraints:\n  - {kind: your_plugin, high: 300}\n",
    "likelihood": "likelihoods:\n  - {kind: your_plugin, value: 1000, error: 50}\n",
    "surrogate": "    surrogate: {kind: your_plugin, degree: 2}  # or under spectrum\n",
    "sampler": "sampler: {kind: your_plugin, n_samples: 2000}\n",
}
_NAME = re.compile(r"[a-z](_?[a-z0-9])*")


@click.group()
def new() -> None:
    """Write a package to start from."""


@new.command()
@click.argument("name")
@click.option(
    "--kind", default="constraint", show_default=True, help=f"What it is: {', '.join(KINDS)}."
)
def plugin(name: str, kind: str) -> None:
    """Write a package with a small plugin that works, its test and a scan that uses it.

    \b
    Example:
      fitplugin new plugin heavy_stops --kind constraint
    """
    if kind not in KINDS:
        raise InputError("--kind", one_of(kind, KINDS, "a kind that can be written"))
    _require_free(name, KINDS[kind])
    _write(Path(name), _content(name, kind))
    click.echo(
        f"{name}/ is a {kind} that works. Next:\n"
        f"  cd {name}\n"
        "  pip install --editable '.[test]'\n"
        "  python -m pytest\n"
        "  fitplugin run scan.yaml\n"
        f"then make src/{name}.py yours; its contract is {_contract(kind)}."
    )


def _require_free(name: str, group: str) -> None:
    """Refuse a name that no package can have, or that something has already."""
    from fitplugin import plugins

    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        is_word = _NAME.fullmatch(words) and not keyword.iskeyword(words)
        hint = f", {words} for example" if is_word else ""
        raise InputError("NAME", f"{name!r} must be a lower-case Python name, as of a module{hint}")
    if Path(name).exists() or Path(name).is_symlink():
        raise InputError(name, "exists; choose another name, or move it away")
    if name in plugins.names(group):
        raise InputError("NAME", f"{name!r} is {plugins.GROUPS[group]} already; choose another")
    if importlib.util.find_spec(name) is not None:
        raise InputError("NAME", f"{name!r} is an installed Python module; choose another")


def _contract(kind: str) -> str:
    from fitplugin import plugins

    return plugins.CONTRACTS[KINDS[kind]][0]


def _content(name: str, kind: str) -> dict[str, str]:
    """Return the text of every file of the package, by its path in there."""
    words = {
        # an import of its own, and so a paragraph of its own
        f"from fitplugin.templates.{kind} import": f"\nfrom {name} import",
        "your_section": indent(dedent(_SECTIONS[kind]), 4 * " ").rstrip(),
        "your_contract": _contract(kind),
        "your_group": KINDS[kind],
        "your_kind": kind,
        "your_plugin": name,
        "YourPlugin": "".join(word.capitalize() for word in name.split("_")),
    }

    def written(template: str) -> str:
        text = (files("fitplugin.templates") / template).read_text(encoding="utf-8")
        if template == "scan.yaml":
            text += _SECTIONS[kind]
            if kind != "sampler":
                text += "sampler: {kind: dynesty, n_live: 100}\n"
        for word, meant in words.items():
            text = text.replace(word, meant)
        return text

    return {
        "pyproject.toml": written("pyproject.toml"),
        "README.md": written("README.md"),
        "scan.yaml": written("scan.yaml"),
        f"src/{name}.py": written(f"{kind}.py"),
        f"tests/test_{name}.py": written(f"{kind}_tests.py"),
    }


def _write(folder: Path, content: dict[str, str]) -> None:
    """Write all of it or nothing."""
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            whole = Path(scratch) / folder.name
            for path, text in content.items():
                (whole / path).parent.mkdir(parents=True, exist_ok=True)
                (whole / path).write_text(text, encoding="utf-8")
            whole.rename(folder)
    except OSError as error:
        raise InputError(folder.name, f"cannot be written: {error.strerror}") from error
