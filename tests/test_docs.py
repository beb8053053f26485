"""What the documents show is true: files load, links lead somewhere, targets and dependencies are the real ones."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.config import load

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONFIGS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.toml"))


def package(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.mark.parametrize("name", CONFIGS)
def test_every_configuration_loads(name: str) -> None:
    config = load(ROOT / name, {})
    assert config.phones or name == "configs/gateway.toml", "the one of all settings shows its lists as comments"


@pytest.mark.parametrize("name", CONFIGS)
def test_every_bin_is_well_formed_twiml(name: str) -> None:
    for one in load(ROOT / name, {}).bins:
        assert ElementTree.fromstring(one.twiml).tag == "Response"


def test_the_demo_lets_two_phones_an_echo_and_a_ringing_number_be_dialled() -> None:
    config = load(ROOT / "configs" / "demo.toml", {})
    assert [phone.username for phone in config.phones] == ["alice", "bob"]
    for phone in config.phones:
        assert phone.password in README
    for number in config.numbers:
        assert number.number in README
        assert number.voice_url.startswith("bin:"), "no second process"


def test_the_example_application_is_short_and_compiles() -> None:
    text = (ROOT / "configs" / "examples" / "voice_app.py").read_text(encoding="utf-8")
    ast.parse(text)
    assert len([line for line in text.splitlines() if line.strip()]) <= 30


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in ("README.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{document}: {target}"


def test_every_dependency_has_its_reason_and_no_other_is_named() -> None:
    table = README.split("## What it is made of")[1].split("What is *not* here")[0]
    named = {
        word.strip().lower()
        for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
        for word in re.sub(r"\(.*?\)", "", row).split(",")
    } - {"dependency", "---"}
    assert named == {package(requirement) for requirement in PROJECT["dependencies"]}


def test_the_locked_set_holds_everything_that_is_asked_for() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = {package(line) for line in lines if line and not line.startswith("#")}
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    assert {package(requirement) for requirement in asked} <= locked
    assert all("==" in line for line in lines if line and not line.startswith("#"))


def test_every_target_of_the_readme_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make (\w+)", README)) | {"run", "test", "venv", "check", "bench"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_picture_is_sound_xml_and_fits_light_and_dark() -> None:
    text = (ROOT / "docs" / "call-flow.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "prefers-color-scheme: dark" in text


def test_the_check_command_finds_the_demo_sound() -> None:
    command = [sys.executable, "-m", "gateway", "check", "--config", "configs/demo.toml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
