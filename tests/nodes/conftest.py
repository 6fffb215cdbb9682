"""A pack loaded against the fake host, once a test, with a tiny network."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.nodes.fakes import PACK_NAME, Host, load_pack


class Pack:
    """The loaded pack: its nodes by id, its modules by name, and the host beneath."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.root = load_pack()
        self.extension = asyncio.run(self.root.comfy_entrypoint())
        asyncio.run(self.extension.on_load())
        listed = asyncio.run(self.extension.get_node_list())
        self.nodes: dict[str, Any] = {node.define_schema().node_id: node for node in listed}

    def module(self, name: str) -> Any:
        return sys.modules[f"{PACK_NAME}.{name}"]

    def run(self, node_id: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs; what the node says of them is kept in ``facts`` and ``cautions``."""
        with torch.inference_mode():
            output = self.nodes[node_id].execute(*args, **kwargs)
        self.facts: list[str] = output.ui["text"]
        self.cautions: list[str] = output.ui["caution"]
        return output.args

    @property
    def said(self) -> str:
        """The whole status line of the last run."""
        return " / ".join([*self.facts, *self.cautions])


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pack:
    host = Host(tmp_path / "models")
    for name, module in host.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return Pack(host)


@pytest.fixture
def weights(pack: Pack) -> str:
    """A tiny network that sees 64 px, with a head that changes colours, in the user's folder."""
    core = pack.module("regharm_core")
    torch.manual_seed(0)
    net = core.HarmonizerNet(core.HarmonizerConfig(width=2, refine=(0, 0, 0, 0), gated=False, view=64))
    torch.nn.init.constant_(net.head.bias, 0.1)
    torch.nn.init.normal_(net.head.weight, std=0.01)
    folder = pack.host.models_dir / "harmonizers"
    folder.mkdir(parents=True)
    core.save_checkpoint(net.eval(), folder / "tiny.safetensors", facts={})
    return "tiny.safetensors"


@pytest.fixture
def harmonizer(pack: Pack, weights: str) -> Any:
    """A loaded network."""
    return pack.run("RegHarmLoad", weights, "fp32")[0]


@pytest.fixture
def scene() -> SimpleNamespace:
    """Two pictures of 48 x 64 px with a square foreground."""
    torch.manual_seed(1)
    image = torch.rand(2, 48, 64, 3) * 0.6 + 0.2
    mask = torch.zeros(2, 48, 64)
    mask[:, 12:36, 16:40] = 1
    return SimpleNamespace(image=image, mask=mask, outside=mask == 0, inside=mask > 0)
