"""Small stand-ins for the host functions that the nodes use, and no others."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

PACK = Path(__file__).resolve().parents[2]
PACK_NAME = "regharm_pack_under_test"


class Slot:
    """An input or output of a schema, as written down by the node."""

    def __init__(self, kind: str, id: str, **settings: Any) -> None:
        self.kind, self.id, self.settings = kind, id, settings


def socket(kind: str) -> Any:
    def make(id: str, **settings: Any) -> Slot:
        return Slot(kind, id, **settings)

    return SimpleNamespace(Input=make, Output=make)


class Schema:
    __dataclass_fields__ = dict.fromkeys(("node_id", "has_intermediate_output"))

    def __init__(self, **values: Any) -> None:
        self.__dict__.update({"hidden": [], "search_aliases": [], "description": "", **values})


class NodeOutput:
    def __init__(self, *args: Any, ui: Any = None) -> None:
        self.args, self.ui = args, ui


class ComfyNode:
    pass


class ComfyExtension:
    pass


class OutOfMemory(RuntimeError):
    """What the fake device raises when it is full."""


class Interrupted(BaseException):
    """The host's InterruptProcessingException, as it is since 2026-04."""


class InterruptedOldStyle(Exception):
    """The same as it was in ComfyUI 0.18."""


class Patcher:
    def __init__(self, model: Any, load_device: torch.device, offload_device: torch.device) -> None:
        self.model, self.load_device, self.offload_device = model, load_device, offload_device


class Host:
    """The fake host's state: what it was asked for, and what it shall answer."""

    def __init__(self, models_dir: Path) -> None:
        self.models_dir, self.output = models_dir, models_dir.parent / "output"
        self.folders: dict[str, tuple[list[str], set[str]]] = {}
        self.device_is_cpu = True
        self.half: str | None = None
        self.cancel_after: int | None = None
        self.interrupt: type[BaseException] = Interrupted
        self.checks = 0
        self.loaded: list[float] = []
        self.unloaded = self.emptied = 0
        self.bars: list[Any] = []

    def throw_exception_if_processing_interrupted(self) -> None:
        self.checks += 1
        if self.cancel_after is not None and self.checks > self.cancel_after:
            raise self.interrupt

    def modules(self) -> dict[str, ModuleType]:
        """The modules to put into ``sys.modules``."""
        cpu = torch.device("cpu")

        def raise_non_oom(error: Exception) -> None:
            if not isinstance(error, OutOfMemory):
                raise error

        def load_models_gpu(models: list[Patcher], memory_required: float = 0, force_full_load: bool = False) -> None:
            self.loaded.append(memory_required)

        def soft_empty_cache() -> None:
            self.emptied += 1

        def unload_all_models() -> None:
            self.unloaded += 1

        host = self

        class ProgressBar:
            def __init__(self, total: int) -> None:
                self.total, self.seen = total, []
                host.bars.append(self)

            def update_absolute(self, value: int) -> None:
                self.seen.append(value)

        def add_model_folder_path(name: str, path: str, is_default: bool = False) -> None:
            paths, _ = self.folders.setdefault(name, ([], set()))
            if path in paths:
                paths.remove(path)
            paths.insert(0 if is_default else len(paths), path)

        def get_filename_list(name: str) -> list[str]:
            paths, extensions = self.folders[name]
            found = {f.name for p in paths if Path(p).is_dir() for f in Path(p).iterdir() if f.suffix in extensions}
            return sorted(found)

        def get_full_path_or_raise(name: str, filename: str) -> str:
            for path in self.folders[name][0]:
                if (Path(path) / filename).is_file():
                    return str(Path(path) / filename)
            raise FileNotFoundError(filename)

        mm = _module(
            "comfy.model_management",
            get_torch_device=lambda: cpu,
            unet_offload_device=lambda: cpu,
            intermediate_device=lambda: cpu,
            intermediate_dtype=lambda: torch.float32,
            is_device_cpu=lambda device: self.device_is_cpu,
            should_use_fp16=lambda device: self.half == "fp16",
            should_use_bf16=lambda device: self.half == "bf16",
            load_models_gpu=load_models_gpu,
            raise_non_oom=raise_non_oom,
            soft_empty_cache=soft_empty_cache,
            unload_all_models=unload_all_models,
            throw_exception_if_processing_interrupted=self.throw_exception_if_processing_interrupted,
        )
        patching = _module("comfy.model_patcher", CoreModelPatcher=Patcher, ModelPatcher=Patcher)
        utils = _module("comfy.utils", ProgressBar=ProgressBar)

        def get_save_image_path(prefix: str, folder: str) -> tuple[str, str, int, str, str]:
            subfolder, _, name = prefix.rpartition("/")
            full = Path(folder) / subfolder
            full.mkdir(parents=True, exist_ok=True)
            return str(full), name, 1 + len(list(full.glob(f"{name}_*"))), subfolder, prefix

        paths = _module(
            "folder_paths",
            get_output_directory=lambda: str(self.output),
            get_save_image_path=get_save_image_path,
            folder_names_and_paths=self.folders,
            models_dir=str(self.models_dir),
            add_model_folder_path=add_model_folder_path,
            get_filename_list=get_filename_list,
            get_full_path_or_raise=get_full_path_or_raise,
            get_folder_paths=lambda name: self.folders[name][0],
        )
        io = SimpleNamespace(
            ComfyNode=ComfyNode,
            Schema=Schema,
            NodeOutput=NodeOutput,
            Custom=socket,
            Image=socket("IMAGE"),
            Mask=socket("MASK"),
            Combo=socket("COMBO"),
            Float=socket("FLOAT"),
            Int=socket("INT"),
            Boolean=socket("BOOLEAN"),
            String=socket("STRING"),
            Layers=socket("LAYERS"),
        )
        latest = _module("comfy_api.latest", io=io, ComfyExtension=ComfyExtension)
        comfy = _module("comfy", model_management=mm, model_patcher=patching, utils=utils)
        extras = _module("comfy_extras", nodes_compositor=compositor())
        made = [comfy, mm, patching, utils, paths, _module("comfy_api", latest=latest), latest]
        made += [extras, extras.nodes_compositor]
        return {module.__name__: module for module in made}


def compositor() -> ModuleType:
    """The host's compositor, for layers that lie straight: normal and multiply, in coded values."""

    def expand_item_frames(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        defaults = {"mask": None, "name": None, "x": 0, "y": 0, "rotation": 0.0, "opacity": 1.0, "visible": True}
        defaults |= {"flip_h": False, "flip_v": False}
        frames = []
        for item in items:
            for n in range(item["image"].shape[0]):
                own = {key: item[key] for key in defaults if key in item}
                size = {"w": item.get("w") or item["image"].shape[2], "h": item.get("h") or item["image"].shape[1]}
                blend = item.get("blend_mode", "normal")
                frames.append({**defaults, **own, **size, "blend": blend, "tensor": item["image"][n : n + 1]})
        return frames

    def frame_alpha(tensor: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor | None:
        alpha = tensor[..., 3] if tensor.shape[-1] == 4 else torch.ones(tensor.shape[:3])
        return alpha if mask is None else alpha * (1 - mask[:1])

    def composite_from_state(tensors: list[Any], state: dict[str, Any], alphas: list[Any]) -> torch.Tensor:
        width, height = state["canvas"]
        canvas = torch.zeros(height, width, 4)
        for tensor, alpha, frame in zip(tensors, alphas, state["frames"], strict=True):
            rows = slice(frame["y"], frame["y"] + frame["h"])
            columns = slice(frame["x"], frame["x"] + frame["w"])
            behind, cover = canvas[rows, columns], (alpha[0] * frame["opacity"])[..., None]
            colours = tensor[0, ..., :3] * (behind[..., :3] if frame["blend"] == "multiply" else 1)
            canvas[rows, columns, :3] = cover * colours + (1 - cover) * behind[..., :3]
            canvas[rows, columns, 3:] = cover + (1 - cover) * behind[..., 3:]
        return canvas[None]

    return _module(
        "comfy_extras.nodes_compositor",
        document_items=lambda document: sorted(document["layers"], key=lambda item: item.get("z_index", 0)),
        document_canvas=lambda document: document.get("canvas"),
        canvas_extent=lambda frames: (max(f["x"] + f["w"] for f in frames), max(f["y"] + f["h"] for f in frames)),
        expand_item_frames=expand_item_frames,
        frame_alpha=frame_alpha,
        state_from_items=lambda frames, canvas: {"frames": frames, "canvas": canvas},
        composite_from_state=composite_from_state,
    )


def _module(name: str, **values: Any) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(values)
    return module


def load_pack() -> ModuleType:
    """The pack, loaded the way ComfyUI loads what lies in custom_nodes."""
    for name in [n for n in sys.modules if n == PACK_NAME or n.startswith(PACK_NAME + ".")]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        PACK_NAME, PACK / "__init__.py", submodule_search_locations=[str(PACK)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACK_NAME] = module
    spec.loader.exec_module(module)
    return module
