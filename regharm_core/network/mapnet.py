"""The network that draws colour maps: an eye, an overall branch, regional references, and no full-size level.

What is chosen and why (figures: the model card):
- it stops at a quarter of the view and draws local affine maps there (:mod:`.maps`): a third of the time of drawing
  pixels, and the same maps go to any size;
- the rim (:mod:`.rim`) is read at the picture's own size, and what it tells is done first;
- a frozen eye (:mod:`.eye`) tells what is where;
- transformer blocks (:mod:`.blocks`) compare all places at 1/16;
- the overall branch (:mod:`.overall`) finds the change of the whole foreground first;
- LTL at 1/8 and PTL at 1/4, as the paper has them or matched by content (:mod:`.content`), tell places apart.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Attention
from .blocks import Blocks
from .config import HarmonizerConfig
from .content import ContentMatch
from .eye import CHANNELS as EYE_CHANNELS
from .eye import EfficientNetLite0
from .face import Harmonizer, HarmonizerOutput, check_shapes
from .layers import cell_maximum, conv_norm_act, single_or_double
from .ltl import LTL
from .maps import about_grey, apply_small_maps, evaluate_maps, foreground_energy
from .overall import Impression, Overall
from .profiles import Rim
from .ptl import PTL
from .rim import ALONE, TOLD, Reading, RimReader
from .told import Told

SEEN = (24, 48, 96, 96)  # channels that the eye's features at 1/4, 1/8, 1/16 and 1/32 are projected to
DECODED = (8, 16)  # channels that the decoder has more than the encoder, at 1/4 and 1/8


class MapNet(Harmonizer):
    """Encoder to 1/16, decoder to 1/4, colour maps. The maps start at zero: an untrained network returns its input."""

    def __init__(self, config: HarmonizerConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, deepest = config.stages
        self.down = nn.ModuleList(
            conv_norm_act(inside, outside, 4, 2)
            for inside, outside in ((4, half), (half, quarter), (quarter, eighth), (eighth, deepest))
        )
        seen = SEEN if config.eye else (0, 0, 0, 0)
        self.eye = EfficientNetLite0().requires_grad_(False) if config.eye else None
        self.seen = nn.ModuleList(
            conv_norm_act(inside, outside, 1) for inside, outside in zip(EYE_CHANNELS, seen, strict=True) if outside
        )
        self.rim = RimReader(config.rim).requires_grad_(False) if config.rim else None
        self.middle = nn.Sequential(
            conv_norm_act(deepest + seen[2] + seen[3] + 2, deepest, 3), conv_norm_act(deepest, deepest, 3)
        )
        self.blocks = Blocks(deepest, config.blocks)
        self.overall = Overall(deepest, seen[2] + seen[3], config.overall) if config.overall else None
        self.told = Told(config.overall) if config.told else None
        self.doubt = Doubt(config.overall) if config.doubt else None
        wide, fine = eighth + DECODED[1], quarter + DECODED[0]
        self.up8 = Up(deepest, eighth + seen[1], wide)
        self.up4 = Up(wide, quarter + seen[0], fine)
        self.ltl: LTL | ContentMatch | None = None
        content, by_content = seen[1] + seen[2], config.matching == "content"
        if config.ltl:
            self.ltl = ContentMatch(wide, content) if by_content else LTL(wide, config.temperature)
        self.ptl: PTL | None = None
        if config.translation == "ptl":
            self.ptl = PTL(fine, config.ptl_patch, config.ptl_stride, config.temperature, by_content=by_content)
            self.ptl_gain = nn.Parameter(torch.zeros(fine, 1, 1))  # so that PTL can be added to a trained network
        self.head = nn.Conv2d(fine, 12, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    @property
    def neutral(self) -> tuple[str, ...]:
        """Prefixes of the parts that change nothing while they are new, so that a trained network may be given them."""
        by_content = ("ltl.",) if self.config.matching == "content" else ()
        return ("ptl.", "ptl_gain", "doubt.", "blocks.", "told.", *by_content)

    def train(self, mode: bool = True) -> MapNet:
        """As for every module, but the eye stays as it is."""
        super().train(mode)
        if self.eye is not None:
            self.eye.eval()
        return self

    def forward(
        self,
        image: Tensor,
        mask: Tensor,
        *,
        reference: Tensor | None = None,
        return_attention: bool = False,
        within: tuple[int, int, int, int] | None = None,
        rim: Rim | None = None,
    ) -> HarmonizerOutput:
        """See :meth:`.face.Harmonizer.forward`."""
        check_shapes(image, mask, reference)
        reading: Reading | None = None
        told: Tensor | None = None
        share: Tensor | None = None
        if self.rim is not None and rim is not None:
            read: Reading = self.rim(rim)
            read = read.if_sure(ALONE if self.told is None else TOLD)
            if self.told is not None:
                told, share = self.told(read, image, mask)
            image, reading = _after(read, image, mask), read
        closed = mask if reference is None else torch.maximum(mask, 1 - reference)
        attention: dict[str, Attention] = {}
        features = torch.cat([image * 2 - 1, mask], dim=1)
        if next(self.down.parameters()).is_contiguous(memory_format=torch.channels_last):  # mixed layouts are slow
            features = features.contiguous(memory_format=torch.channels_last)
        encoded: list[Tensor] = []
        for stage in self.down:
            features = stage(features)
            encoded.append(features)
        seen = self._see(image, [part.shape[-2:] for part in encoded[1:]])
        quarter, eighth, deepest = (torch.cat([e, *s], dim=1) for e, s in zip(encoded[1:], seen, strict=True))

        foreground, background = _sides(mask, closed, deepest)
        features = self.middle(torch.cat([deepest, foreground, background], dim=1))
        features = self.blocks(features, None if closed is mask else torch.maximum(foreground, background))
        whole: Impression | None = None
        if self.overall is not None:
            eye = torch.cat(seen[2], dim=1) if seen[2] else None
            impression: Impression = self.overall(features, eye, image, mask, closed, told)
            features, whole = features * (1 + impression.scale) + impression.shift, impression
        foreground, background = _sides(mask, closed, eighth)
        features = self.up8(features, eighth, foreground, background)
        content = self._content(seen, 1)
        if isinstance(self.ltl, ContentMatch) and content is not None:
            features, found = self.ltl(
                features, content, image, foreground, background, return_attention=return_attention
            )
            if found is not None:
                attention["ltl32"] = found
        elif isinstance(self.ltl, LTL):
            features, found = self.ltl(features, foreground, background, return_attention=return_attention)
            if found is not None:
                attention["ltl32"] = found
        foreground, background = _sides(mask, closed, quarter)
        features = self.up4(features, quarter, foreground, background)
        if self.ptl is not None:
            known = self._content(seen, 0) if self.config.matching == "content" else None
            translated, found = self.ptl(
                features, foreground, background, content=known, return_attention=return_attention
            )
            features = features + self.ptl_gain * (translated - features)
            if found is not None:
                attention["ptl"] = found
        maps = single_or_double(self.head(features))
        if whole is not None:
            maps = maps + single_or_double(whole.maps)
        maps = about_grey(maps if share is None else maps * share)
        residual = apply_small_maps(maps, image.to(maps.dtype))
        doubt = None
        if self.doubt is not None and whole is not None:
            doubt = self.doubt(whole.hidden.detach(), residual.detach(), mask)
        residual = residual.to(image.dtype)
        return HarmonizerOutput(image + residual * mask, residual, attention, maps, doubt, reading)

    def _see(self, image: Tensor, sizes: list[torch.Size]) -> list[list[Tensor]]:
        """The eye's projected features at 1/4, 1/8 and 1/16, none at each where there is no eye.

        A frozen eye's parameters ask for no gradient, and the picture is detached: nothing is kept for one.
        """
        if self.eye is None:
            return [[], [], []]
        side = min(self.config.eye_view, max(image.shape[-2:]))  # enlarged it would see no more
        shown = image.detach()
        if side and tuple(image.shape[-2:]) != (side, side):
            shown = _resize(shown, (side, side))
        if image.device.type == "cpu":
            shown = shown.contiguous(memory_format=torch.channels_last)
        found = self.eye(shown)
        sizes = [*sizes, sizes[-1]]
        fitted = [_fit(part, size) for part, size in zip(found, sizes, strict=True)]
        fine, middle, coarse, deep = (project(part) for project, part in zip(self.seen, fitted, strict=True))
        return [[fine], [middle], [coarse, deep]]

    def _content(self, seen: list[list[Tensor]], level: int) -> Tensor | None:
        """What places are compared by at 1/4 (level 0) or 1/8 (1): the eye's features there and, enlarged, the next."""
        if not seen[level]:
            return None
        here = seen[level][0]
        coarse = F.interpolate(seen[level + 1][0], here.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([here, coarse], dim=1)


class Up(nn.Module):
    """One decoder level: B deep h w, the skip B skip H W and two masks B 1 H W -> B channels H W."""

    def __init__(self, deep: int, skip: int, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(deep, channels, 1)
        self.fuse = conv_norm_act(channels + skip + 2, channels, 3)
        self.refine = conv_norm_act(channels, channels, 3)

    def forward(self, deep: Tensor, skip: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
        large = F.interpolate(self.reduce(deep), skip.shape[-2:], mode="bilinear", align_corners=False)
        return self.refine(self.fuse(torch.cat([large, skip, foreground, background], dim=1)))


class Doubt(nn.Module):
    """How wrong the answer may be: the overall impression and the answer's size -> logarithm of the expected error.

    Both come detached: it judges the answer and does not change it.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.judge = nn.Sequential(nn.Linear(hidden + 1, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, hidden: Tensor, residual: Tensor, mask: Tensor) -> Tensor:
        """B hidden, B 3 H W and B 1 H W -> B, see :class:`.face.HarmonizerOutput`."""
        size = foreground_energy(residual, mask).clamp_min(1e-2).log()[:, None]
        answer = self.judge(torch.cat([hidden, size.to(hidden.dtype) / 4 - 1], dim=1))
        return single_or_double(answer[:, 0]) + size[:, 0]


def _after(reading: Reading, image: Tensor, mask: Tensor) -> Tensor:
    """The composite with what its rim tells, B 3 H W in [0, 1]."""
    given = single_or_double(image)
    return (given + evaluate_maps(reading.maps, given) * mask).clamp(0, 1).to(image.dtype)


def _sides(mask: Tensor, closed: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Foreground and background that may be consulted, at the size of ``like``: B 1 h w each."""
    size = (like.shape[-2], like.shape[-1])
    foreground = cell_maximum(mask, size)
    return foreground, 1 - (foreground if closed is mask else cell_maximum(closed, size))


def _fit(features: Tensor, size: torch.Size) -> Tensor:
    if features.shape[-2:] == size:
        return features
    return _resize(features, (size[0], size[1]))


def _resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Averaged over what a smaller pixel covers; in single precision, as torch has no other for it on a CPU."""
    return F.interpolate(single_or_double(picture), size, mode="bilinear", antialias=True).to(picture.dtype)
