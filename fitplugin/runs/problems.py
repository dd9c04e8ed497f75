"""What a file of settings has wrong, in the words of YAML and not in those of Python."""

from __future__ import annotations

from pydantic import ValidationError

from fitplugin.errors import shown
from fitplugin.runs.sections import FORMS

_YAML_WORDS = {
    "Input should": "should",
    "Tuple should": "should",
    "tuple": "list",
    "dictionary": "section of keys and values",
    " after validation, not 0": "",
}


def first_problem(error: ValidationError) -> str:
    """Return the first problem in one line: where, what came, what is known."""
    problem = error.errors(include_url=False)[0]
    place = ""
    for part in problem["loc"]:
        if part in FORMS:  # no keys of the file
            continue
        name = str(part) if len(str(part)) < 80 else f"{str(part)[:80]}..."
        place += f"[{part}]" if isinstance(part, int) else f".{name}" if place else name
    message = problem["msg"].removeprefix("Value error, ")
    came = problem.get("input")
    if problem["type"] == "missing":
        message = "is required and missing"
    elif problem["type"] == "model_type":
        message = f"should be a section of keys and values, not {shown(came)}"
    elif problem["type"] not in ("fitplugin", "value_error"):
        # pydantic's own messages say what is expected, in words of Python, and not what came
        for python, yaml_word in _YAML_WORDS.items():
            message = message.replace(python, yaml_word)
        message = f"{message}, not {shown(came)}"
    return f"{place}: {message}" if place else message
