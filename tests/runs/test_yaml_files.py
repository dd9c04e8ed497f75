"""What YAML allows and no scan file needs is refused in one line, before anything is built."""

from __future__ import annotations

import pytest

from fitplugin.errors import InputError
from fitplugin.runs.yaml_files import read_yaml

REFUSED = {
    "a boolean that is none": ("a: 1\nb: !!bool perhaps\n", "line 2: not valid YAML: 'perhaps' is"),
    "a time that is none": ("a: !!timestamp now\n", "'now' is no timestamp"),
    "a day of no calendar": ("a: 2024-13-45\n", "'2024-13-45' is no timestamp"),
    "five thousand digits": (f"a: {'9' * 5000}\n", "is no int"),
    "five thousand hexadecimal digits": (f"a: 0x{'f' * 5000}\n", "an integer beyond 1e308"),
    "a section that is none": ("a: !!map x\n", "a mapping is expected"),
    "a list within itself": ("a: &a [*a]\n", "unfold to more than"),
    "a section merged with itself": ("a: &a\n  b: 1\n  <<: *a\n", "unfold to more than"),
    "lists that unfold": (
        "a0: &a0 [1, 1]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
        "unfold to more than 1000000 entries",
    ),
    "sections that unfold": (
        "a0: &a0 {x: 1}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
        "unfold to more than 1000000 entries",
    ),
    "brackets that nobody closes": ("a: " + "[" * 100_000, "nested deeper than 50 levels"),
    "depth by aliases": (
        f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 40}*a{']' * 40}\n", "nested deeper than 50 levels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_is_refused_in_one_line(case, tmp_path):
    text, words = REFUSED[case]
    path = tmp_path / "scan.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400


def test_aliases_and_merged_sections_are_read(tmp_path):
    path = tmp_path / "scan.yaml"
    path.write_text("base: &base {kind: dgp, size: 65}\nsame: *base\nother: {<<: *base, size: 9}\n")
    content = read_yaml(path)
    assert content["same"] == content["base"]
    assert content["other"] == {"kind": "dgp", "size": 9}
