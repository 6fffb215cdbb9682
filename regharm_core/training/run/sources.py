"""A recipe's data opened as a source of batches."""

from __future__ import annotations

from pathlib import Path

import torch

from ...errors import ConfigError, InputError
from ..data.ahead import Ahead
from ..data.alike import find_alike
from ..data.composites import CompositeMaker
from ..data.echo import Echo
from ..data.iharmony4 import is_iharmony4, list_iharmony4
from ..data.photographs import Photographs, load_photographs
from ..data.readymade import ReadyMade
from ..data.source import Source
from .eyes import load_eye
from .recipe import Recipe

PROFILES = 160  # of each composite's edge, which is some 400 px long at a view of 128 px


def open_source(recipe: Recipe, device: torch.device) -> Source:
    """Photographs with region maps, made into composites on the device, or iHarmony4's composites.

    Raises:
        InputError: when a path holds neither, some hold one and some the other, or something is missing.
    """
    paths = [Path(p) for p in recipe.data]
    ready = [path for path in paths if is_iharmony4(path)]
    if not ready:
        return _echoed(open_maker(recipe, load_photographs(paths).to(device)), recipe)
    if len(ready) < len(paths):
        raise InputError(f"data mixes iHarmony4 ({ready[0]}) with photographs: {[str(p) for p in paths]}")
    shown = recipe.composites
    members = [member for folder in ready for member in list_iharmony4(folder, "train")]
    keep = int(recipe.keep_gib * 2**30)
    made = ReadyMade(
        members,
        device,
        crop=shown.crop,
        close=shown.close,
        context=shown.context,
        profiles=_profiles(recipe),
        keep=keep,
    )
    return _echoed(made, recipe)


def open_maker(recipe: Recipe, photographs: Photographs) -> CompositeMaker:
    """Composites of a recipe's kind from photographs; if it wants regions that are alike, the eye looks for them.

    Raises:
        ConfigError: when it wants them and names no eye, and no weights to start from.
        CheckpointError: when that file holds no eye.
    """
    alike = None
    if recipe.composites.alike:
        place = recipe.eye or recipe.start
        if place is None:
            raise ConfigError("composites with regions that are alike need an eye: name one, or weights to start from")
        device = photographs.images.device
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bf16):
            alike = find_alike(load_eye(Path(place)).to(device), photographs)
    return CompositeMaker(photographs, recipe.composites, alike, profiles=_profiles(recipe))


def _profiles(recipe: Recipe) -> int:
    return PROFILES if recipe.model.told else 0


def _echoed(source: Source, recipe: Recipe) -> Source:
    source = Ahead(source, recipe.ahead) if recipe.ahead > 1 else source
    return Echo(source) if recipe.echo else source
