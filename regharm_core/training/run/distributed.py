"""Several processes that train one network, as ``torchrun`` starts them; one process alone is a world of size 1."""

from __future__ import annotations

import copy
import gc
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ...errors import InputError


@dataclass(frozen=True)
class World:
    """This process's place among those that train together.

    Attributes:
        rank: 0 .. size - 1; the first writes the files and prints.
        size: how many processes there are.
        device: where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    def wrap(self, net: nn.Module, *, statistics: bool = True) -> nn.Module:
        """The network with gradients shared by all processes; ``net`` itself if there is one.

        The parameters are still those of ``net``, and keep their names in its state.

        Args:
            net: what is trained.
            statistics: batch norms see the batches of all processes too. Otherwise each sees its own, and all keep
                the first process's running statistics.
        """
        if self.size == 1:
            return net
        # Every parameter is used in every pass, even where a batch has no background to attend to. So there is no
        # search for unused ones, and the order of messages is the same on all processes.
        shared = _share_batch_statistics(net, self.device) if statistics else _view(net)
        return DistributedDataParallel(shared)

    def mean(self, value: Tensor) -> Tensor:
        """The mean over processes of a tensor, on each of them."""
        if self.size > 1:
            dist.all_reduce(value := value.detach().clone())
            value /= self.size
        return value

    def first(self, number: float) -> float:
        """The first process's number, on each of them."""
        if self.size == 1:
            return number
        box = torch.tensor([number], dtype=torch.float64)  # on the host: nobody waits for a device
        dist.broadcast(box, 0)
        return float(box)

    def gather(self, value: Tensor) -> Tensor:
        """Stack a tensor of the same shape from each process along a new first dimension."""
        if self.size == 1:
            return value[None]
        parts = [torch.empty_like(value) for _ in range(self.size)]
        dist.all_gather(parts, value)
        return torch.stack(parts)


def alone(device: torch.device) -> World:
    """The world of one process."""
    return World(0, 1, device)


@contextmanager
def joined(device: torch.device) -> Generator[World]:
    """Join the processes that ``torchrun`` started with this one (NCCL on CUDA, gloo elsewhere), or be alone.

    Args:
        device: "cuda" stands for the GPU of this process's number on its machine.

    Raises:
        InputError: when there are fewer GPUs than processes on a machine.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield alone(device)
        return
    if device.type == "cuda":
        number = int(os.environ["LOCAL_RANK"])
        if number >= (there := torch.cuda.device_count()):
            raise InputError(f"process {number} of this machine wants a GPU of its own, but there are {there}")
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    # Numbers that lie on the host are sent by gloo, with GPUs too.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), size, device)
        gc.collect()  # wrapped networks keep the group alive, and its threads must end with it
        dist.barrier()  # nobody leaves while another still writes: gloo would stop that one
    finally:
        dist.destroy_process_group()


def _share_batch_statistics(net: nn.Module, device: torch.device) -> nn.Module:
    """The same parameters in a network whose batch norms see the batches of all processes."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(_view(net))
    shared = _view(net)
    for module in list(shared.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, _SharedBatchNorm.of(child))
    return shared


def _view(net: nn.Module) -> nn.Module:
    """Another tree of modules over the same parameters and buffers."""
    kept = {id(t): t for t in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, kept)


class _Total(torch.autograd.Function):
    """The sum over processes; its gradient is the sum of the processes' gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        dist.all_reduce(value := value.clone())
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        dist.all_reduce(value := gradients[0].clone())
        return value


def _total(value: Tensor) -> Tensor:
    return cast(Tensor, _Total.apply(value))


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, which are equally large; torch's own needs a GPU."""

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> _SharedBatchNorm:
        shared = cls(norm.num_features, norm.eps, norm.momentum, norm.affine)
        shared.weight, shared.bias = norm.weight, norm.bias
        shared.running_mean, shared.running_var = norm.running_mean, norm.running_var
        shared.num_batches_tracked = norm.num_batches_tracked
        return shared.train(norm.training)

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        size = dist.get_world_size()
        full = input.float()  # statistics need more digits than autocast leaves
        mean = _total(full.mean((0, 2, 3), keepdim=True)) / size
        centred = full - mean
        variance = _total(centred.square().mean((0, 2, 3), keepdim=True)) / size
        with torch.no_grad():
            count = size * input.numel() / input.shape[1]
            if self.running_mean is not None and self.running_var is not None:
                share = self.momentum or 0.0
                self.running_mean.lerp_(mean.flatten(), share)
                self.running_var.lerp_(variance.flatten() * (count / max(count - 1, 1)), share)
        weight, bias = self.weight[:, None, None], self.bias[:, None, None]
        return (centred * (variance + self.eps).rsqrt() * weight + bias).to(input.dtype)
