"""The mean of several weights of one network: what runs from the same start agree on.

usage: average_weights.py OUT.safetensors WEIGHTS[:SHARE] [WEIGHTS[:SHARE] ...] [--set '{"caution": 0.27}']

SHARE is 1 where it is left out. The result has the facts and the configuration of the last file, with what --set
changes of the configuration, and is stored in fp16.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from regharm_core.errors import ConfigError, RegHarmError
from regharm_core.network.build import build_network
from regharm_core.network.config import HarmonizerConfig
from regharm_core.store.checkpoint import load_network, save_checkpoint


def split_share(word: str) -> tuple[Path, float]:
    """A file and its share: "a.safetensors:4" -> (a.safetensors, 4.0); 1 where none is given.

    Raises:
        ConfigError: when the share is not a positive number.
    """
    name, colon, share = word.rpartition(":")
    if not colon or not share.replace(".", "", 1).isdigit():
        return Path(word), 1.0
    if not float(share) > 0:
        raise ConfigError(f"a share must be more than 0, got {word!r}")
    return Path(name), float(share)


def mean_state(states: Sequence[dict[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of each tensor, in its own type; whole numbers are those of the last.

    Raises:
        ConfigError: when the tensors differ in name or shape.
    """
    kinds = [{name: tensor.shape for name, tensor in state.items()} for state in states]
    if any(kind != kinds[0] for kind in kinds):
        raise ConfigError("the weights are not of one network: their tensors differ in name or shape")
    answer: dict[str, Tensor] = {}
    for name, last in states[-1].items():
        if last.is_floating_point():
            parts = [share * state[name].double() for state, share in zip(states, shares, strict=True)]
            answer[name] = (torch.stack(parts).sum(0) / sum(shares)).to(last.dtype)
        else:
            answer[name] = last
    return answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--set", type=json.loads, default={})
    options = parser.parse_args(arguments)
    try:
        given = [split_share(word) for word in options.weights]
        loaded = [load_network(path) for path, _ in given]
        net, info = loaded[-1]
        mean = mean_state([one.state_dict() for one, _ in loaded], [share for _, share in given])
        if not isinstance(options.set, dict):
            raise ConfigError(f"--set takes a JSON object, got {options.set!r}")
        changed = build_network(HarmonizerConfig.from_dict(net.config.to_dict() | options.set))
        try:
            changed.load_state_dict(mean)
        except RuntimeError:
            raise ConfigError(f"{json.dumps(options.set)} makes another network; these weights do not fit it") from None
        save_checkpoint(changed, options.out, facts=info.facts, dtype="fp16")
    except (RegHarmError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
