"""Ids, names and order of inputs are a promise to every saved workflow."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from regharm_core import load_harmonizer
from regharm_core.picture.subjects import DEFAULT_CONTEXT, SMALLEST_CONTEXT

SNAPSHOT = Path(__file__).with_name("schema.json")
PACK = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "zh", "zh-TW", "ja", "ko", "fr", "ru", "es", "ar")
OPTIONS_THAT_DEPEND_ON_FILES = {"weights", "sample"}


def described(pack: Any) -> dict[str, Any]:
    def slot(entry: Any) -> dict[str, Any]:
        kept = ("optional", "advanced", "default", "min", "max", "options")
        facts = {k: v for k, v in entry.settings.items() if k in kept and v is not None}
        if entry.id in OPTIONS_THAT_DEPEND_ON_FILES:
            facts.pop("options")
        return {"id": entry.id, "type": entry.kind, **facts}

    schemas = {name: node.define_schema() for name, node in pack.nodes.items()}
    return {
        name: {"inputs": [slot(s) for s in schema.inputs], "outputs": [slot(s) for s in schema.outputs]}
        for name, schema in schemas.items()
    }


def test_schema_is_the_one_that_was_promised(pack: Any) -> None:
    found = json.loads(json.dumps(described(pack)))
    if os.environ.get("REGHARM_NEW_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    promised = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert found == promised, "saved workflows break; append inputs, or run once with REGHARM_NEW_SNAPSHOT=1"


def test_everything_has_words(pack: Any) -> None:
    for name, node in pack.nodes.items():
        schema = node.define_schema()
        assert name.startswith("RegHarm")
        assert schema.description and schema.search_aliases and schema.display_name
        for slot in [*schema.inputs, *schema.outputs]:
            assert slot.settings.get("tooltip"), f"{name}.{slot.id} has no tooltip"
        execute = node.execute.__func__.__code__
        parameters = set(execute.co_varnames[1 : execute.co_argcount])
        assert parameters == {slot.id for slot in schema.inputs}


def test_root_exports_the_entrypoint_and_nothing_older(pack: Any) -> None:
    assert pack.root.WEB_DIRECTORY == "./web"
    assert not hasattr(pack.root, "NODE_CLASS_MAPPINGS")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_names_every_node_and_input(pack: Any, language: str) -> None:
    folder = PACK / "locales" / language
    words = json.loads((folder / "nodeDefs.json").read_text(encoding="utf-8"))
    assert json.loads((folder / "main.json").read_text(encoding="utf-8"))["nodeCategories"]["harmonize"]
    assert set(words) == set(pack.nodes)
    for name, node in pack.nodes.items():
        schema, said = node.define_schema(), words[name]
        assert said["display_name"] and said["description"]
        assert list(said["inputs"]) == [slot.id for slot in schema.inputs]
        assert list(said["outputs"]) == [str(n) for n in range(len(schema.outputs))]
        assert all(entry["name"] for entry in [*said["inputs"].values(), *said["outputs"].values()])
        if language in ("en", "zh"):
            assert all(entry["tooltip"] for entry in [*said["inputs"].values(), *said["outputs"].values()])
        if language == "en":
            assert (said["display_name"], said["description"]) == (schema.display_name, schema.description)
            spoken = [slot.settings["tooltip"] for slot in [*schema.inputs, *schema.outputs]]
            assert [e["tooltip"] for e in [*said["inputs"].values(), *said["outputs"].values()]] == spoken


@pytest.mark.parametrize("page", ["{}.md", "{}/zh.md"])
def test_every_node_has_a_help_page_whose_pictures_exist(pack: Any, page: str) -> None:
    docs = PACK / "web" / "docs"  # what pictures resolve against, whichever the page
    for name in pack.nodes:
        text = (docs / page.format(name)).read_text(encoding="utf-8")
        pictures = [part.split(")")[0] for part in text.split("](")[1:] if not part.startswith("http")]
        assert pictures, f"{page.format(name)} shows nothing"
        for picture in pictures:
            assert (docs / picture).is_file(), f"{page.format(name)} wants {picture}"


def test_help_pages_say_the_same_numbers_in_every_language(pack: Any) -> None:
    def numbers(text: str) -> list[str]:
        return sorted(re.findall(r"\d+\.\d+|\d{2,}", text))  # small whole numbers may stand as words

    docs = PACK / "web" / "docs"
    for name in pack.nodes:
        pages = [(docs / page).read_text(encoding="utf-8") for page in (f"{name}.md", f"{name}/zh.md")]
        assert numbers(pages[0]) == numbers(pages[1]), name


def test_the_help_page_says_how_much_the_bundled_network_sees() -> None:
    config = load_harmonizer().config
    close, wide = max(DEFAULT_CONTEXT / config.wider, SMALLEST_CONTEXT), DEFAULT_CONTEXT * config.wider
    assert config.least_box == config.least_wide
    page = (PACK / "web" / "docs" / "RegHarmHarmonize.md").read_text(encoding="utf-8")
    assert f"each side times {close:g}, and more of them, times {wide:g}; both at least {config.least} px" in page
