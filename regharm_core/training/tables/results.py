"""Results of the rows: one small JSON file for each network, seed and set of conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...network.config import HarmonizerConfig
from ...store.files import replacing
from .conditions import REVISION, Conditions
from .measure import MEASUREMENT

METRICS = ("psnr", "mse", "fmse")


def result_path(folder: Path, conditions: Conditions, network: str, seed: int) -> Path:
    """Where a result lies under the results' folder."""
    return folder / conditions.name / f"{network}-seed{seed}.json"


def is_done(path: Path, conditions: Conditions, network: str) -> bool:
    """Whether there is a result of this very network under these very conditions.

    Fields that were added to the configuration later count as their defaults.
    """
    if not path.is_file():
        return False
    kept = read_result(path)
    same = Conditions(**kept["conditions"]) == conditions
    same = same and HarmonizerConfig.from_dict(kept["model"]) == conditions.model(network)
    return same and _current(kept)


def _current(values: dict[str, Any]) -> bool:
    return values["revision"] == REVISION and values.get("measurement") == MEASUREMENT


def cpu_seconds(path: Path) -> int | None:
    """CPU seconds of training that a result of this revision gives, however it was measured; None without one."""
    if not path.is_file() or (kept := read_result(path))["revision"] != REVISION:
        return None
    return kept.get("cpu_seconds_of_the_last_stretch")


def write_result(path: Path, values: dict[str, Any]) -> None:
    """Write a result whole or not at all; one line for each field, so that a change is easy to see."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items())
    with replacing(path) as temporary:
        temporary.write_text("{\n" + lines + "\n}\n")


def read_result(path: Path) -> dict[str, Any]:
    """One result.

    Raises:
        InputError: when the file is no result.
    """
    try:
        values = json.loads(path.read_text())
        for key in ("revision", "network", "seed", "conditions", "model", "stream", "kinds"):
            values[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no result of a row: {error!r}") from None
    return values


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Every result of this revision and measurement in a folder of one set of conditions, in the order of the names."""
    found = [read_result(path) for path in sorted(folder.glob("*.json"))]
    return [values for values in found if _current(values)]


def overall(result: dict[str, Any], metric: str) -> float:
    """The mean over the kinds of pairs, each counted alike."""
    kinds = result["kinds"].values()
    return sum(kind["harmonized"][metric] for kind in kinds) / len(kinds)
