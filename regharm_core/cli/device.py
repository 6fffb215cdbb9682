"""Which device a command runs on."""

from __future__ import annotations

import argparse

import torch

from ..errors import InputError


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """``--device auto|cpu|cuda|mps``."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: auto")


def chosen_device(name: str) -> torch.device:
    """The device a name stands for; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        InputError: when the named device is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(n for n, yes in there.items() if yes))
    if not there[name]:
        raise InputError(f"--device {name}: this machine, or this torch {torch.__version__}, has none")
    return torch.device(name)
