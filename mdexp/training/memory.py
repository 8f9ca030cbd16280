"""How much memory a training step and a decoding step take, found without weights or data.

The step that would be taken runs once under torch's fake tensors, which have shapes and no
numbers, while a dispatch mode adds up the storages that are alive. Sizes of weights, gradients and
optimiser state are exact; what a kernel allocates within itself is not seen.
"""

import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, DynamicCache
from transformers.modeling_layers import GradientCheckpointingLayer

from mdexp.config.blocks import DecodingSettings, TrainerSettings
from mdexp.ports import StudentConfig
from mdexp.records import Example
from mdexp.students.adapters import adapted
from mdexp.students.branch_attention import branch_attention
from mdexp.students.frozen import COMPUTED_IN, BaseDtype, frozen_base, quantised
from mdexp.students.likelihood import NO_TARGET, weighted_loss
from mdexp.students.load import Kind
from mdexp.students.numerics import Precision
from mdexp.training.checkpointing import checkpoint_activations
from mdexp.training.layout import lay_out
from mdexp.training.micro_batch import MicroBatch

if TYPE_CHECKING:
    from transformers import PretrainedConfig

STEP_BYTES = 4  # AdamW counts the steps of each tensor
ADAMW_MOMENTS = 2
UNSHARDED_BLOCKS = 2  # FSDP gathers the next block while one computes
aten = torch.ops.aten


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMemory:
    """Bytes on each device while a student trains."""

    weights: int  # frozen ones included, as they are held
    gradients: int
    optimizer: int
    activations: int  # and all else that a micro-batch needs, at its peak
    communication: int = 0  # DDP's buckets, or layers that FSDP has gathered
    largest_block: int = 0  # weights of the largest layer

    @property
    def peak(self) -> int:
        held = self.weights + self.gradients + self.optimizer
        return held + self.activations + self.communication


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingMemory:
    """Bytes on the device that decodes; an upper bound: here rows share no prompt."""

    weights: int
    cache_and_activations: int

    @property
    def peak(self) -> int:
        return self.weights + self.cache_and_activations


class LiveBytes(TorchDispatchMode):
    """Adds up the storages that operators make and that are alive; `peak` is the most there were.

    `num_scored` is how many positions a boolean mask picks, which fake tensors cannot know.
    """

    def __init__(self, known: Sequence[torch.Tensor], num_scored: int = 0) -> None:
        super().__init__()
        self.num_scored = num_scored
        self.live = self.peak = 0
        self._seen = {_storage(tensor): 0 for tensor in known}
        self._kept = [tensor.untyped_storage() for tensor in known]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = self._masked(func, args)
        found = func(*args, **(kwargs or {})) if found is None else found
        for tensor in tree_leaves(found):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor)
        return found

    def _masked(self, func: Any, args: Any) -> Any:
        """What reads a fake tensor's numbers: their count in a mask, and what the mask picks."""
        if func is aten._local_scalar_dense.default and hasattr(args[0], "fake_mode"):
            return self.num_scored  # `weighted_loss` reads no other number
        if func not in (aten.index.Tensor, aten.index_put.default, aten._index_put_impl_.default):
            return None
        source, indices = args[0], args[1]
        masks = [i for i in indices if i is not None and i.dtype == torch.bool]
        if not masks or not hasattr(source, "fake_mode"):
            return None
        if func is aten.index.Tensor:
            return source.new_empty((self.num_scored, *source.shape[masks[0].ndim :]))
        return source if func is aten._index_put_impl_.default else source.clone()

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen:
            return
        size = storage.nbytes()
        self._seen[key] = size
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self.live -= size
        self._seen.pop(key, None)


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def training_memory(
    student: StudentConfig,
    config: "PretrainedConfig",
    trainer: TrainerSettings,
    *,
    precision: Precision,
    base_dtype: BaseDtype,
    ranks: int = 1,
) -> TrainingMemory:
    """Of the largest micro-batch that the trainer's settings allow, on each of `ranks` devices."""
    batch = largest_micro_batch(student, trainer)
    scored = num_scored(batch)
    plain = _shapes_of(student, config, trainer, precision, base_dtype)
    with FakeTensorMode() as fake:
        _on_fake_cpu(plain)
        transient = micro_batch_peak(plain, student.kind, _faked(batch, fake), scored, precision)
    trained = [p for p in plain.parameters() if p.requires_grad]
    gradients = sum(p.nbytes for p in trained)
    memory = TrainingMemory(
        weights=held_bytes(plain),
        gradients=gradients,
        optimizer=ADAMW_MOMENTS * gradients + STEP_BYTES * len(trained),
        activations=transient - gradients,
        largest_block=max(_layer_bytes(plain), default=0),
    )
    return shared_out(memory, trainer.strategy, ranks)


def _layer_bytes(model: torch.nn.Module) -> list[int]:
    """Weights of each of the layers, which FSDP gathers one by one."""
    return [held_bytes(m) for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]


def held_bytes(model: torch.nn.Module) -> int:
    """Of parameters and buffers, each once, with what reads quantised ones back."""
    tensors = [*model.parameters(), *model.buffers()]
    for parameter in model.parameters():
        if (state := getattr(parameter, "quant_state", None)) is not None:
            tensors += [t for t in (state.absmax, state.code, state.offset) if t is not None]
            if state.nested:
                tensors += [state.state2.absmax, state.state2.code]
    return sum({_storage(t): t.untyped_storage().nbytes() for t in tensors}.values())


def micro_batch_peak(
    model: Any,
    kind: Kind,
    batch: MicroBatch,
    scored: int,
    precision: Precision,
    begin: Callable[[], object] = lambda: None,
) -> int:
    """The most bytes that forward and backward of a micro-batch need beside weights and optimiser,
    gradients of earlier ones included. `scored` is the number of its targets; `begin` is called
    when the gradients are there.
    """
    known = [*model.parameters(), *model.buffers(), *_tensors(batch)]
    computed = getattr(torch, COMPUTED_IN[precision])
    # Also for rows: of fake ones transformers makes a mask that it leaves out of real ones.
    attention = branch_attention(model) if kind == "causal" else nullcontext()
    with attention, LiveBytes(known, scored) as alive:
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.empty_like(parameter).zero_()  # each page is touched
        begin()
        with torch.autocast("cpu", computed, enabled=precision != "32-true"):
            loss, nll = weighted_loss(model, kind, **batch.reading())
        loss.backward()
        del loss, nll
    return alive.peak


def num_scored(batch: MicroBatch) -> int:
    return int((batch.labels != NO_TARGET).sum())


def _tensors(value: Any) -> list[torch.Tensor]:
    """All tensors within a dataclass."""
    if isinstance(value, torch.Tensor):
        return [value]
    inner = value if isinstance(value, tuple) else ()
    if is_dataclass(value):
        inner = tuple(getattr(value, field.name) for field in fields(value))
    return [tensor for one in inner for tensor in _tensors(one)]


def _faked(value: Any, fake: FakeTensorMode) -> Any:
    """A dataclass with fake tensors for its tensors."""
    if isinstance(value, torch.Tensor):
        return fake.from_tensor(value)
    if isinstance(value, tuple):
        return tuple(_faked(one, fake) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        faked = {f.name: _faked(getattr(value, f.name), fake) for f in fields(value)}
        return replace(value, **faked)
    return value


def decoding_memory(
    student: StudentConfig,
    config: "PretrainedConfig",
    decoding: DecodingSettings,
    *,
    prompt_tokens: int,
    dtype: str,
) -> DecodingMemory | None:
    """Of `decoding.batch_size` rows with prompts of that length; None for a seq2seq student."""
    if student.kind != "causal":
        return None
    rows, whole = decoding.batch_size, prompt_tokens + decoding.max_new_tokens
    with FakeTensorMode(), torch.inference_mode(False), torch.no_grad():
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).eval()
        known = [*model.parameters(), *model.buffers()]
        with LiveBytes(known) as bytes_:
            cache = DynamicCache(config=config)
            ids = torch.zeros(rows, prompt_tokens, dtype=torch.long)
            found = model(input_ids=ids, past_key_values=cache, logits_to_keep=1)
            del found
            kept: list[Any] = list(cache.layers)
            layers = [(layer.keys.shape, layer.keys.dtype) for layer in kept]
            del kept
            del cache
            cache = DynamicCache(config=config)
            for number, (shape, kind) in enumerate(layers):
                full = torch.empty(*shape[:2], whole - 1, shape[3], dtype=kind)
                cache.update(full, full.clone(), number)
            model(input_ids=ids[:, :1], past_key_values=cache, logits_to_keep=1)
            peak = bytes_.peak
        return DecodingMemory(weights=held_bytes(model), cache_and_activations=peak)


def _on_fake_cpu(model: torch.nn.Module) -> None:
    """Give a model on the device `meta` fake tensors that say that they lie on a CPU."""
    memo: dict[int, torch.Tensor] = {}

    def here(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in memo:
            memo[id(tensor)] = torch.empty(tensor.shape, dtype=tensor.dtype)
        return memo[id(tensor)]

    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None:
                if id(old) not in made:
                    made[id(old)] = torch.nn.Parameter(here(old), old.requires_grad)
                    _move_state(old, made[id(old)], here)
                module._parameters[name] = made[id(old)]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = here(buffer)


def _move_state(old: Any, new: Any, here: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Of a parameter in nf4, what reads it back."""
    if (state := getattr(old, "quant_state", None)) is None:
        return
    for part in (state, state.state2) if state.nested else (state,):
        for name in ("absmax", "code", "offset"):
            if isinstance(getattr(part, name, None), torch.Tensor):
                setattr(part, name, here(getattr(part, name)))
    new.quant_state, new.bnb_quantized = state, True


def _shapes_of(
    student: StudentConfig,
    config: "PretrainedConfig",
    trainer: TrainerSettings,
    precision: Precision,
    base_dtype: BaseDtype,
) -> Any:
    """The student as it trains, on the device `meta`."""
    auto = AutoModelForCausalLM if student.kind == "causal" else AutoModelForSeq2SeqLM
    with torch.device("meta"):
        model = auto.from_config(config)
    if student.tuning == "qlora":
        quantised(torch.zeros(1, 64))  # bitsandbytes makes its code book once, where the first is
    frozen = frozen_base(student, base_dtype)
    tuned = adapted(model, student, frozen=frozen, compute=COMPUTED_IN[precision])
    plain = tuned if student.tuning == "full" else tuned.get_base_model()
    if trainer.activation_checkpointing:
        checkpoint_activations(plain)
    return plain.train()


def largest_micro_batch(student: StudentConfig, trainer: TrainerSettings) -> MicroBatch:
    """A micro-batch as full as can be, of sequences as long as can be, half of each a prompt."""
    half = max(2, trainer.max_tokens // 2)
    number = max(1, trainer.micro_batch_tokens // (2 * half))
    examples = [
        Example(
            problem_id=str(i),
            thought="cot",
            sample=0,
            prompt_ids=[1] * half,
            target_ids=[1] * half,
            target="",
        )
        for i in range(number)
    ]
    batches = lay_out(
        examples,
        None,
        kind=student.kind,
        layout=trainer.layout,
        weigh=lambda step, shares: [1.0] * len(step),
        micro_batch_tokens=trainer.micro_batch_tokens,
        pad_id=0,
    )
    return max(batches, key=lambda batch: batch.padded_tokens)


def shared_out(memory: TrainingMemory, strategy: str, ranks: int) -> TrainingMemory:
    """What each of `ranks` devices has of it."""
    if ranks == 1:
        return memory
    if strategy != "fsdp":
        return replace(memory, communication=memory.gradients)  # the buckets that DDP reduces
    return replace(
        memory,
        weights=-(-memory.weights // ranks),
        gradients=-(-memory.gradients // ranks),
        optimizer=-(-memory.optimizer // ranks),
        communication=UNSHARDED_BLOCKS * memory.largest_block,
    )
