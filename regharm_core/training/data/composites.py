"""Composites made on the fly, in batches, on the training device.

The colours in a region of a photograph are changed (a "move"); the photograph itself is the target. There are four
kinds, because the region's edge differs in practice. In a plain composite a pixel at the edge, a mixture of object and
background, is moved, and the same mixture beside it is not: there the network could read off the move.

- plain: everything inside a region's mask is moved, as in iHarmony4;
- paste: as in a clean cut-out, only the object's colour is moved; a pixel of the edge is then a new mixture of object
  and background. The target's edge is mixed in the same way;
- inpaint: a mild move in a soft blob that ignores objects, like the colour errors of inpainting and of a VAE;
- graded: the whole photograph gets a strong mood (:mod:`.mood`) and is the target; its cut-out keeps the colours of
  before, or nearly: an ordinary cut-out in a sunset, in a neon bar, at night.

Composites are made larger than the network's size and then reduced.

How much each choice below matters was measured once, one change at a time: small networks (width 16, 64 px) were
trained on 11,200 composites, and measured on pairs that are not in the training data (the foreground's MSE in percent
of the composites', mean over the kinds). The unchanged recipe left 84.9, 87.1 and 89.1 % with three seeds, so a
difference below about 5 means nothing.

- Photographic moves alone left 92.7, colour transfers alone 87.1.
- Plain composites alone left less of plain and paste (85.7 and 87.6; the three seeds 90.6 to 96.8) and more of inpaint
  (84.5; the seeds 71.7 to 78.9). The kinds are different tasks, and their mix is a choice between them.
- No difference was seen for: random crops alone (89.1), close crops alone (88.0), no second region (89.5), a second
  region in half of the composites (84.5), no identity (84.8), a quarter of identities (89.8), no jitter (88.6).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from .blobs import draw_blobs
from .chance import ALL, Rows, constant, dealt, host_uniform, uniform, where_rows
from .composite_config import CompositeConfig
from .edges import edges_of_made
from .jpeg import compress_some
from .lattice import apply_lattice, lattice_points
from .matte import rematte
from .mood import fade, mood
from .moves import MOVES, Move, photographic
from .photographs import Photographs
from .relight import relight
from .source import Batch
from .windows import draw_windows, sample
from .wrong_masks import make_wrong, roughen

SAMPLES = 512  # colours drawn from a region to know its distribution
SHARPNESSES = 4  # of the pictures of a batch where some are softer, so that each step learns from soft and sharp ones
SMALLEST, LARGEST = 0.01, 0.75  # a region's share of the crop; outside, a blob takes its place


class CompositeMaker:
    """Makes batches from photographs in memory, on their device; all that is random comes from the generator."""

    def __init__(
        self, photographs: Photographs, config: CompositeConfig, alike: Tensor | None = None, *, profiles: int = 0
    ) -> None:
        """
        Args:
            photographs: what is drawn from.
            config: how.
            alike: what :func:`.alike.find_alike` found in these photographs, on their device.
            profiles: how many are read of each composite's edge, for a network that reads them.

        Raises:
            ConfigError: when the configuration wants regions that are alike, and none are given.
        """
        if config.alike and alike is None:
            raise ConfigError(f"composites ask for regions that are alike ({config.alike}), but none were looked for")
        self.photographs = photographs
        self.config = config
        self.alike, self.profiles = alike, profiles
        self._shares = (config.plain, config.paste, config.inpaint)
        names = list(MOVES)
        self._drawn = [names.index(name) for name in config.moves]

    def __len__(self) -> int:
        """Photographs."""
        return len(self.photographs)

    @torch.no_grad()
    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """``count`` composites of ``size`` px, a multiple of 32."""
        made, kind = self.make(count, int(size * host_uniform(*self.config.making, generator)), generator)
        reduced = self._reduced(made, size, generator).clamp(0, 1)
        edges = edges_of_made(made, self.profiles, generator) if self.profiles else ()
        return Batch(reduced[:, :3], reduced[:, 6:], reduced[:, 3:6], kind, *edges)

    @torch.no_grad()
    def make(self, count: int, making: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """``count`` composites of ``making`` px, not yet reduced: composite, target and mask, B 7 S S; kinds, B."""
        config = self.config
        image, region, origin = self._crops(count, making, generator)
        image = relight(image, config.jitter, config.moody, config.lights, generator)

        kind, places = self._kinds(region, generator)
        blob = draw_blobs(count, making, config.close, config.context, generator)
        soft = (kind == 2)[:, None, None, None]
        moved = self._moved(image, torch.where(soft, (blob > 0.5).float(), region), region, origin, kind, generator)

        alpha = torch.where(soft, blob, region)
        composite = image + alpha * (apply_lattice(image, moved) - image)

        def pasted(rows: Rows) -> Tensor:
            """Composite, target and alpha, B 7 S S, with a new mixture along the edge."""
            matte, inside, outside = rematte(image[rows], region[rows])
            composite = outside + matte * (apply_lattice(inside, moved[rows]) - outside)
            return torch.cat([composite, outside + matte * (inside - outside), matte], dim=1)

        made = where_rows(kind == 1, torch.cat([composite, image, alpha], dim=1), pasted, places[1])
        if config.graded:
            made = self._graded(kind, made, image, region, places[3], generator)
        if config.rough:
            made[:, 6:] = roughen(made[:, 6:], generator)
        if config.wrong_mask:
            made[:, 6:] = make_wrong(made[:, 6:], config.wrong_mask, generator)
        if config.compressed:
            made[:, :3] = compress_some(made[:, :3], config.compressed, generator)
        return made, kind

    def _reduced(self, made: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """``made``, B C S S, at ``size`` px; first reduced further by one of SHARPNESSES amounts, in turns."""
        if min(self.config.native) >= 1:
            return _resized(made, size)
        answer = torch.empty(*made.shape[:2], size, size, dtype=made.dtype, device=made.device)
        for first in range(min(SHARPNESSES, len(made))):
            rows = slice(first, None, SHARPNESSES)
            own = round(size * host_uniform(*self.config.native, generator))
            answer[rows] = _resized(_resized(made[rows], own) if own < size else made[rows], size)
        return answer

    def _kinds(self, region: Tensor, generator: torch.Generator) -> tuple[Tensor, list[slice]]:
        """The kind of each composite, B: 0 plain, 1 paste, 2 inpaint, 3 graded; and where in the batch each can be."""
        count, graded = len(region), self.config.graded
        if self.config.dealt:
            shares = [share / sum(self._shares) * (1 - graded) for share in self._shares]
            places = dealt(count, [*shares, graded], host_uniform(0, 1, generator))
            kind = torch.zeros(count, dtype=torch.int64, device=region.device)
            for number, place in enumerate(places):
                kind[place] = number
        else:
            places = [ALL] * 4
            kind = torch.multinomial(constant(self._shares, region), count, replacement=True, generator=generator)
            if graded:
                chosen = torch.rand(count, generator=generator, device=region.device) < graded
                kind = torch.where(chosen, 3, kind)
        area = region.mean((1, 2, 3))
        return torch.where((area < SMALLEST) | (area > LARGEST), 2, kind), places  # a blob in place of the region

    def _graded(
        self, kind: Tensor, made: Tensor, image: Tensor, region: Tensor, place: slice, generator: torch.Generator
    ) -> Tensor:
        """``made`` (composite, target and alpha, B 7 S S) with the rows of the fourth kind made."""

        def remade(rows: Rows) -> Tensor:
            matte, inside, outside = rematte(image[rows], region[rows])
            points = lattice_points(len(inside), inside.device)
            scene = mood(points, generator)
            mild = photographic(points, _sample(image[rows], region[rows], generator), points, generator)
            share = uniform((2, len(inside), 1, 1), 0, 1, generator).to(points)
            neutral = points + torch.where(share[0] < 0.5, 0.8 * share[1], 0.0) * (mild - points)  # half unchanged
            if self.config.fitting:
                draw = uniform((2, len(inside), 1, 1), 0, 1, generator).to(points)
                neutral = neutral + torch.where(draw[0] < self.config.fitting, draw[1], 0.0) * (scene - neutral)
            inner, outer = apply_lattice(inside, scene), apply_lattice(outside, scene)
            if self.config.lights:
                other = mood(points, generator)
                chosen = uniform((len(inside), 1, 1, 1), 0, 1, generator) < self.config.lights
                part = fade(len(inside), inside.shape[-1], generator) * chosen
                inner = torch.lerp(inner, apply_lattice(inside, other), part)
                outer = torch.lerp(outer, apply_lattice(outside, other), part)
            composite = outer + matte * (apply_lattice(inside, neutral.clamp(0, 1)) - outer)
            return torch.cat([composite, outer + matte * (inner - outer), matte], dim=1)

        return where_rows(kind == 3, made, remade, place)

    def _crops(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random flipped crops around a random region of random photographs: B 3 S S, B 1 S S (0 or 1); and which
        photograph and region it is, B 2."""
        device = self.photographs.images.device
        index = torch.randint(len(self.photographs), (count,), generator=generator, device=device)
        image, labels = self.photographs.images[index], self.photographs.labels[index]
        chosen, number = _choose_regions(labels, self.config.several, generator)  # B 1 S S and B

        config = self.config
        windows = draw_windows(chosen, config.crop, config.close, config.context, generator, config.loose)
        grid = windows.grid(size)
        origin = torch.stack([index, number.to(index)], dim=1)
        return sample(image.float(), grid, "bilinear") / 255, sample(chosen, grid, "nearest"), origin

    def _reference(self, image: Tensor, region: Tensor, origin: Tensor, generator: torch.Generator) -> Tensor:
        """Colours of another photograph's region for each composite, B SAMPLES 3."""
        order = torch.arange(len(image), device=image.device).roll(1)
        other = _sample(image[order], region[order], generator)
        if not self.config.alike or self.alike is None:
            return other
        draw = uniform((2, len(image)), 0, 1, generator)
        index, number = origin.unbind(1)
        known = self.alike[index, (number - 1).clamp(0, self.alike.shape[1] - 1)]  # B count 2
        pick = (draw[1] * known.shape[1]).long()
        found, label = known.gather(1, pick[:, None, None].expand(-1, 1, 2))[:, 0].long().unbind(1)
        wanted = (draw[0] < self.config.alike) & (found >= 0) & (number <= self.alike.shape[1])

        def like(rows: Rows) -> Tensor:
            place = found[rows].clamp_min(0)
            there = (self.photographs.labels[place] == label[rows, None, None, None]).float()
            return _sample(self.photographs.images[place], there, generator).float() / 255

        return where_rows(wanted, other, like)

    def _moved(
        self, image: Tensor, hard: Tensor, region: Tensor, origin: Tensor, kind: Tensor, generator: torch.Generator
    ) -> Tensor:
        """The lattice of moved colours of each image, B LATTICE^3 3."""
        count = image.shape[0]
        source = _sample(image, hard, generator)
        reference = self._reference(image, region, origin, generator)
        points = lattice_points(count, image.device)
        # Inpainting leaves mostly photographic differences; a cut-out brings another picture's colours.
        plain = torch.rand(count, generator=generator, device=image.device)
        drawn = constant(self._drawn, kind)
        if self.config.dealt:
            which = drawn[torch.arange(count, device=image.device) % len(drawn)]
        else:
            which = drawn[torch.randint(len(drawn), (count,), generator=generator, device=image.device)]
        camera = list(MOVES).index("photographic")
        which = torch.where((kind == 2) & (plain < 0.6), camera, which)
        which = torch.where(kind == 3, -1, which)  # graded composites have moves of their own
        moved = points
        for number, move in enumerate(MOVES.values()):
            if number in self._drawn or number == camera:

                def change(rows: Rows, move: Move = move) -> Tensor:
                    return move(points[rows], source[rows], reference[rows], generator)

                within = ALL
                if self.config.dealt and number != camera and self._drawn.count(number) == 1:
                    within = slice(self._drawn.index(number), None, len(self._drawn))
                moved = where_rows(which == number, moved, change, within)
        if self.config.strong:
            heavy = torch.rand(count, generator=generator, device=image.device) < self.config.strong

            def far(rows: Rows) -> Tensor:
                return photographic(points[rows], source[rows], reference[rows], generator, reach=2.5)

            moved = where_rows(heavy & (kind < 2), moved, far)
        low, high = self.config.weight
        weight = uniform((count,), low, high, generator)
        if self.config.full:
            whole = torch.rand(count, generator=generator, device=image.device) < self.config.full
            weight = torch.where(whole & (kind < 2), 1.0, weight)
        weight = torch.where((kind == 2) & (which != camera), weight * 0.4, weight)
        weight = torch.where(plain.roll(1) < self.config.identity, 0.0, weight)[:, None, None]
        return (points + weight * (moved - points)).clamp(0, 1)


def _resized(pictures: Tensor, side: int) -> Tensor:
    return F.interpolate(pictures, (side, side), mode="bilinear", antialias=True)


def _choose_regions(labels: Tensor, several: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One region of each label map, sometimes joined by a second: B 1 H W -> B 1 H W of 0 and 1, and its number, B."""
    count = labels.shape[0]
    top = labels.amax((1, 2, 3)).clamp_min(1)

    def pick() -> Tensor:
        draw = torch.rand(count, generator=generator, device=labels.device)
        return ((draw * top).floor().clamp(max=top.max() - 1) + 1).to(labels.dtype)

    first, second = pick(), pick()
    joined = torch.rand(count, generator=generator, device=labels.device) < several
    second = torch.where(joined, second, first)
    return ((labels == first[:, None, None, None]) | (labels == second[:, None, None, None])).float(), first


def _sample(image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Colours drawn from inside a mask (from anywhere where it is empty): B SAMPLES 3."""
    weight = mask.flatten(1) + 1e-8
    index = torch.multinomial(weight, SAMPLES, replacement=True, generator=generator)
    return image.flatten(2).transpose(1, 2).gather(1, index[..., None].expand(-1, -1, 3))
