"""The configuration: a JSON round trip, and every wrong value refused by name."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from regharm_core import ConfigError, HarmonizerConfig

ODD = HarmonizerConfig(
    width=48,
    ltl=(16, 64),
    self_attention=(32,),
    translation="rain",
    ptl_patch=4,
    ptl_stride=16,
    residual=False,
    temperature=0.5,
    gated=False,
    refine=(0, 1, 2, 3),
    view=192,
    least=96,
    wider=1.5,
    least_wide=160,
    caution=2.5,
)

MAPS = HarmonizerConfig(
    layout="maps",
    stages=(8, 12, 16, 20),
    eye=True,
    blocks=3,
    eye_view=96,
    overall=48,
    matching="content",
    doubt=True,
    rim=24,
    told=True,
    translation="none",
    view=128,
)


@pytest.mark.parametrize("config", [HarmonizerConfig(), ODD, MAPS])
def test_json_both_ways(config: HarmonizerConfig) -> None:
    assert HarmonizerConfig.from_json(config.to_json()) == config
    assert HarmonizerConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_odd_changes_every_field() -> None:
    plain = HarmonizerConfig()
    for field in dataclasses.fields(plain):
        assert any(getattr(plain, field.name) != getattr(odd, field.name) for odd in (ODD, MAPS)), field.name


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        HarmonizerConfig().width = 3  # type: ignore[misc]


def test_channels_double_up_to_the_cap() -> None:
    assert HarmonizerConfig().channels == (32, 64, 128, 256, 512)
    assert HarmonizerConfig(width=128).channels == (128, 256, 512, 1024, 1024)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("width", 257),
        ("width", 3.0),
        ("width", True),
        ("ltl", (8,)),
        ("ltl", (32, 16)),
        ("ltl", (32, 32)),
        ("ltl", 32),
        ("ltl", (True,)),
        ("self_attention", (128,)),
        ("translation", "adain"),
        ("translation", None),
        ("ptl_patch", 5),
        ("ptl_stride", 64),
        ("residual", 1),
        ("gated", "yes"),
        ("temperature", 0),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "1"),
        ("refine", (1, 1, 1)),
        ("refine", (1, 1, 1, 5)),
        ("refine", (1, 1, 1, -1)),
        ("refine", 2),
        ("caution", -1),
        ("caution", float("nan")),
        ("caution", True),
        ("view", 0),
        ("view", 100),
        ("view", 2048),
        ("view", 256.0),
        ("wider", 0.5),
        ("wider", True),
        ("wider", float("nan")),
        ("least", -1),
        ("least", 2048),
        ("least", 96.0),
        ("least_wide", -1),
        ("least_wide", 2048),
        ("layout", "vectors"),
        ("stages", (24, 40, 64)),
        ("stages", (24, 40, 64, 0)),
        ("eye", 1),
        ("eye_view", 100),
        ("blocks", 13),
        ("overall", -1),
        ("matching", "colours"),
        ("doubt", "yes"),
        ("told", 1),
    ],
)
def test_wrong_values_are_quoted(field: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        HarmonizerConfig(**{field: value})
    said = str(caught.value)
    assert field in said and (repr(value) in said or any(repr(v) in said for v in _parts(value)))


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]


def test_a_level_carries_one_attention() -> None:
    with pytest.raises(ConfigError, match="32"):
        HarmonizerConfig(ltl=(32,), self_attention=(32,))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"eye": True}, "eye"),
        ({"stages": (8, 8, 8, 8)}, "stages"),
        ({"layout": "maps", "width": 16}, "width"),
        ({"layout": "maps", "ltl": (16, 32)}, "(16, 32)"),
        ({"layout": "maps", "translation": "rain"}, "rain"),
        ({"layout": "maps", "matching": "content"}, "eye"),
        ({"layout": "maps", "doubt": True}, "overall"),
        ({"layout": "maps", "told": True, "overall": 8}, "rim 0"),
        ({"layout": "maps", "told": True, "rim": 8}, "overall 0"),
        ({"layout": "maps", "blocks": 1, "stages": (8, 8, 8, 10)}, "stages"),
    ],
)
def test_fields_that_do_not_go_together(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HarmonizerConfig(**fields)
    assert said in str(caught.value)


def test_patch_and_stride_come_in_the_pairs_of_table_4() -> None:
    with pytest.raises(ConfigError, match=r"\(4, 32\)"):
        HarmonizerConfig(ptl_patch=4, ptl_stride=32)


@pytest.mark.parametrize("text", ["", "nothing", "[1]", "3", "null", "{" * 5000, '{"width": 1e400}', '{"depth": 4}'])
def test_what_is_no_configuration(text: str) -> None:
    with pytest.raises(ConfigError):
        HarmonizerConfig.from_json(text)


def test_missing_fields_take_their_defaults() -> None:
    assert HarmonizerConfig.from_json('{"width": 8}') == HarmonizerConfig(width=8)
