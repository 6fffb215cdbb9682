"""Train the rim reader (regharm_core/network/rim.py) and put it into a weights file.

usage: train_rim.py OUT.safetensors --weights IN.safetensors --data data/*.tar [--making 600] [--seconds 900]

Composites are made first, as large as photographs come (their edges must be as sharp as those), and only what the
reader needs of them is kept: profiles, and colours of the foreground with the true ones. Then the reader learns from
them again and again. IN's network is not touched; the answer is stored in fp16.

Half of the composites are small (two thirds of a photograph's stored size to all of it), half are up to twice as large:
in these JPEG's blocks are small beside the foreground, as in a real picture. Half of each are reduced once they are
finished, to as little as 0.4 of their size, as pictures often are: their edges are mixed anew. Two thirds are
compressed, most of them lightly: half of JPEG's colour is lost beside an edge even at a quality of 95. Four in ten
batches have more pastes, and one in eleven faint moves or none, where a reading that is taken by mistake costs most.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from regharm_core.errors import RegHarmError
from regharm_core.network.build import build_network
from regharm_core.network.mapnet import MapNet
from regharm_core.network.maps import evaluate_maps
from regharm_core.network.rim import Reading, RimReader
from regharm_core.store.checkpoint import load_network, save_checkpoint
from regharm_core.training.data.chance import host_uniform, uniform
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.data.edges import edges_of, reduced
from regharm_core.training.data.jpeg import compress
from regharm_core.training.data.photographs import Photographs, load_photographs
from regharm_core.training.run.optimizer import Muon

WIDTH = 64
AT_ONCE, BATCH = 32, 64
PROFILES, FEWEST = 256, 96  # kept of a composite; shown of them, at least
COLOURS = 192  # of each foreground, to judge by
RATE, DECAY, AVERAGE = 6e-3, 0.1, 0.998
SLIGHT = 30.0  # squared error of colours in [0, 100]: what is less is as good as none
FORESEEN = 0.02  # share of the foreseen errors' loss

COMPOSITES = CompositeConfig(
    plain=0.5,
    paste=0.25,
    inpaint=0.25,
    graded=0.1,
    fitting=0.2,
    strong=0.15,
    wrong_mask=0.1,
    weight=(0.05, 0.95),
    full=0.5,
    moves=("reinhard", "monge_kantorovich", "histogram", "iterative_transfer", "photographic", "vividness"),
    moody=0.3,
    lights=0.35,
    loose=0.7,
    identity=0.1,
    close=0.8,
    context=(1.2, 2.4),
    dealt=True,
)
PASTED = replace(COMPOSITES, plain=0.4, paste=0.4, inpaint=0.2, identity=0.15)  # more edges that tell nothing
FAINT = replace(
    COMPOSITES, paste=0.4, inpaint=0.1, graded=0.03, identity=0.35, weight=(0.05, 0.4), full=0.0, strong=0.0
)
MIXES = ((0.53, COMPOSITES), (0.38, PASTED), (0.09, FAINT))  # shares of the batches
COMPRESSED, BEST, WORST = 0.67, 98.0, 38.0  # share of the composites; their qualities, most of them near the best
SIDES = ((112, 208), (192, 400))  # px of the composites, small and large


@dataclass(frozen=True)
class Kept:
    """What is kept of composites.

    Attributes:
        profiles: N PROFILES SAMPLES 4 uint8.
        given, wanted: colours of foregrounds as they are and as they should be, N COLOURS 3 uint8.
    """

    profiles: Tensor
    given: Tensor
    wanted: Tensor

    @classmethod
    def joined(cls, parts: Sequence[Kept]) -> Kept:
        """All of the parts in one."""
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in ("profiles", "given", "wanted")))


def keep(made: Tensor, generator: torch.Generator) -> Kept:
    """What is kept of composites, B 7 M M as :meth:`CompositeMaker.make` gives them. Those without an edge are not."""
    draw = uniform((2, len(made)), 0, 1, generator)
    worse = compress(made[:, :3], BEST - (BEST - WORST) * draw[0].square())
    composite = torch.where((draw[1] < COMPRESSED)[:, None, None, None], worse, made[:, :3])
    composite, target, mask = (composite * 255).round() / 255, made[:, 3:6], made[:, 6:]
    profiles, there = edges_of(composite, mask, PROFILES)
    profiles, composite, target, mask = (part[there] for part in (profiles, composite, target, mask))
    inside = torch.multinomial((mask > 0.5).float().flatten(1), COLOURS, replacement=True, generator=generator)

    def colours(picture: Tensor) -> Tensor:
        return picture.flatten(2).gather(2, inside[:, None].expand(-1, 3, -1)).transpose(1, 2)

    return Kept(*((part.clamp(0, 1) * 255).round().byte() for part in (profiles, colours(composite), colours(target))))


def make_all(photographs: Photographs, seconds: float, generator: torch.Generator) -> Kept:
    """As many composites as can be made in this time, half of them large, and half of each reduced once they are made;
    at least one batch of small and one of large ones."""
    shares, makers = zip(*((share, CompositeMaker(photographs, mix)) for share, mix in MIXES), strict=True)
    parts: list[Kept] = []
    began = time.monotonic()
    while len(parts) < len(SIDES) or time.monotonic() - began < seconds:
        low, high = SIDES[len(parts) % len(SIDES)]
        maker = makers[int(torch.multinomial(torch.tensor(shares), 1, generator=generator))]
        made, _ = maker.make(AT_ONCE, int(host_uniform(low, high, generator)), generator)
        if len(parts) % 4 > 1:
            made = reduced(made, generator)
        parts.append(keep(made, generator))
    return Kept.joined(parts)


def loss_of(readings: Sequence[Reading], given: Tensor, wanted: Tensor) -> Tensor:
    """How far colours are off after what each round tells, and how badly the last foresaw it.

    Args:
        readings: of all rounds; the last counts most.
        given, wanted: B N 3 in [0, 1].
    """
    before = (given - wanted).square().sum(-1).mean(1) * 1e4
    shown = given.transpose(1, 2)[..., None]
    loss, error = given.new_zeros(()), before
    for number, reading in enumerate(readings):
        changed = shown + evaluate_maps(reading.maps, shown)
        error = (changed[..., 0].transpose(1, 2) - wanted).square().sum(-1).mean(1) * 1e4
        share = 1.0 if number == len(readings) - 1 else 0.3
        loss = loss + share * (error / (before + SLIGHT)).clamp(max=3).mean()
    for expected, true in ((readings[-1].error, error), (readings[-1].before, before)):
        true = true.detach().clamp_min(0.5)
        loss = loss + FORESEEN * (true * (-expected).exp() + expected).clamp(max=50).mean()
    return loss


def learn(
    kept: Kept,
    seconds: float,
    seed: int,
    say: Callable[[str], object],
    *,
    start: RimReader | None = None,
    bf16: bool = False,
) -> RimReader:
    """A reader that has learned from composites for this time, from nothing or from another: its averaged weights.

    It learns by Muon. In 150 seconds from nothing that left 69 % of what the composites were off by, Adam at 2e-3 78 %;
    Adam needed a quarter of an hour for as much. Muon at 2e-3 left 73 %, at 1.5e-2 71 %; at 3e-2 it failed.
    """
    torch.manual_seed(seed)
    reader = RimReader(WIDTH) if start is None else copy.deepcopy(start).float().requires_grad_(True)
    average = copy.deepcopy(reader).requires_grad_(False)
    optimizer = Muon(list(reader.parameters()), RATE, betas=(0.9, 0.999), decay=DECAY)
    began, step, told = time.monotonic(), 0, 0.0
    while (spent := (time.monotonic() - began) / max(seconds, 1e-9)) < 1 or not step:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 100) * (1 - min(spent, 1)) ** 0.7 + 1e-5
        row = torch.randint(len(kept.given), (BATCH,))
        count = int(torch.randint(FEWEST, PROFILES + 1, ()))
        profiles = kept.profiles[row][:, torch.randperm(PROFILES)[:count]].float() / 255
        given, wanted = (part[row].float() / 255 for part in (kept.given, kept.wanted))
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            readings = reader.rounds(profiles)
        loss = loss_of(readings, given, wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        step += 1
        for kept_one, now in zip(average.parameters(), reader.parameters(), strict=True):
            kept_one.lerp_(now.detach(), 1 - min(AVERAGE, step / (step + 10)))
        if time.monotonic() - told > 20:
            told = time.monotonic()
            say(f"step {step}, loss {loss.item():.4f}, {spent:.0%} of the time\n")
    return average


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("out", type=Path, metavar="OUT.safetensors")
    parser.add_argument("--weights", type=Path, required=True, help="the network that gets the reader")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="photographs with region maps")
    parser.add_argument("--photographs", type=int, help="so many of them at most")
    parser.add_argument("--side", type=int, default=384, help="px a side at which they are kept in memory")
    parser.add_argument("--making", type=float, default=600, help="seconds for making composites")
    parser.add_argument("--seconds", type=float, default=900, help="for learning")
    parser.add_argument("--go-on", action="store_true", help="from the reader that WEIGHTS has, not from nothing")
    parser.add_argument("--bf16", action="store_true", help="learn in bfloat16: twice as fast where the CPU has it")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    try:
        trained, info = load_network(asked.weights)
        start = trained.rim if asked.go_on and isinstance(trained, MapNet) else None
        if asked.go_on and start is None:
            raise RegHarmError(f"{asked.weights} holds no rim reader to go on with")
        net = build_network(replace(info.config, rim=WIDTH if start is None else info.config.rim))
        if not isinstance(net, MapNet) or net.rim is None:
            raise RegHarmError(f"{asked.weights} holds no network that can read a rim")
        photographs = load_photographs(asked.data, limit=asked.photographs, side=asked.side)
        generator = torch.Generator().manual_seed(asked.seed)
        kept = make_all(photographs, asked.making, generator)
        sys.stderr.write(f"{len(kept.given)} composites\n")
        reader = learn(kept, asked.seconds, asked.seed, sys.stderr.write, start=start, bf16=asked.bf16)
        own = {f"rim.{name}": tensor for name, tensor in reader.state_dict().items()}
        net.load_state_dict(trained.state_dict() | own)
        before = info.facts.get("rim", {}) if start is not None else {}
        facts = {
            "composites": len(kept.given) + before.get("composites", 0),
            "photographs": len(photographs),
            "seconds": round(asked.making + asked.seconds) + before.get("seconds", 0),
            "made": [{"share": share} | asdict(mix) for share, mix in MIXES],
        }
        save_checkpoint(net, asked.out, facts=info.facts | {"rim": facts}, dtype="fp16")
    except (RegHarmError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
