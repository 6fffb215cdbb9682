"""Rows trained with the usual loop, measured and saved; rows that are done are skipped."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...network.build import parameter_count
from ...network.face import Harmonizer
from ...store.checkpoint import load_network
from ..data.composite_config import CompositeConfig
from ..data.composites import CompositeMaker
from ..data.kept import Kept
from ..data.photographs import load_photographs
from ..data.source import Source
from ..measuring.validation import list_kinds
from ..run.loop import train
from .conditions import REVISION, Conditions
from .measure import MEASUREMENT, measure
from .results import cpu_seconds, is_done, overall, result_path, write_result


@dataclass(frozen=True)
class Places:
    """What rows are trained and measured on, and where they go.

    Attributes:
        data: tar files or folders of photographs with region maps.
        validate: holds one folder of pairs a kind.
        results: the small JSON files.
        work: states and weights of rows under way; a stopped row goes on from there.
        composites: where a seed's composites are kept for its other rows, 0.9 MB a batch of 8 at 64 px; every row
            draws its own where None.
    """

    data: tuple[Path, ...]
    validate: Path
    results: Path
    work: Path
    composites: Path | None = None


def run_rows(
    networks: Sequence[str],
    seeds: Sequence[int],
    conditions: Conditions,
    places: Places,
    device: torch.device,
    threads: int | None = 1,
) -> list[Path]:
    """Train and measure what is missing, seed by seed; returns the new results' paths.

    Raises:
        InputError: when the photographs or the pairs cannot be read; before anything is trained.
    """
    wanted = [(network, seed) for seed in seeds for network in dict.fromkeys(networks)]
    missing = [
        (network, seed, path)
        for network, seed in wanted
        if not is_done(path := result_path(places.results, conditions, network, seed), conditions, network)
    ]
    sys.stderr.write(f"{len(wanted) - len(missing)} of {len(wanted)} results are there already\n")
    if not missing:
        return []
    list_kinds(places.validate)
    source = _open(places, device)
    for network, seed, path in missing:
        sys.stderr.write(f"{network}, seed {seed}, {conditions.name}\n")
        result = run_row(network, seed, conditions, places, device, source, threads)
        write_result(path, result)
        sys.stderr.write(f"{network}, seed {seed}: {overall(result, 'psnr'):.2f} dB, {overall(result, 'fmse'):.1f}\n")
    return [path for _, _, path in missing]


def _open(places: Places, device: torch.device) -> Source:
    config = CompositeConfig()
    source = CompositeMaker(load_photographs(places.data).to(device), config)
    if places.composites is None:
        return source
    first = source.batch(8, 64, torch.Generator(device).manual_seed(0))
    digest = hashlib.sha1(first.composite.cpu().numpy().tobytes(), usedforsecurity=False).hexdigest()
    return Kept(source, places.composites, f"{REVISION} {config} {len(source)} {digest}")


def run_row(
    network: str,
    seed: int,
    conditions: Conditions,
    places: Places,
    device: torch.device,
    source: Source,
    threads: int | None = 1,
) -> dict[str, Any]:
    """Train one row (or go on with it) and measure it."""
    out = places.work / conditions.name / f"{network}-seed{seed}-r{REVISION}"
    recipe = conditions.recipe(network, seed, places.data, out, threads)
    former = result_path(places.results, conditions, network, seed)  # there if the row is only measured again
    began = time.process_time()
    net, _ = load_network(train(recipe, device, source=source))
    spent = round(time.process_time() - began)
    known = cpu_seconds(former)
    net = net.float().to(device).eval()
    return {
        "revision": REVISION,
        "measurement": MEASUREMENT,
        "network": network,
        "seed": seed,
        "conditions": conditions.to_dict(),
        "model": recipe.model.to_dict(),
        "parameters": parameter_count(recipe.model),
        "images": conditions.steps * conditions.batch,
        "photographs": len(source),
        "stream": stream(source, conditions, seed, device),
        "device": device.type,
        "cpu_seconds_of_the_last_stretch": spent if known is None else known,
        "torch": torch.__version__,
        "learned": learned(net),
        "kinds": measure(net, places.validate, conditions.size),
        "kinds_at_256": measure(net, places.validate, 256),
    }


def stream(source: Source, conditions: Conditions, seed: int, device: torch.device) -> list[float]:
    """Numbers that identify a seed's composites: means of the first batch's composite, mask and target.

    Rows are compared only where they saw the same.
    """
    first = source.batch(conditions.batch, conditions.size, torch.Generator(device).manual_seed(seed))
    return [round(float(part.mean()), 5) for part in (first.composite, first.mask, first.target)]


def learned(net: Harmonizer) -> dict[str, float]:
    """The single numbers that a network learned: the gains of its self-attentions, which start at zero."""
    return {name: round(p.item(), 4) for name, p in net.named_parameters() if p.numel() == 1}
