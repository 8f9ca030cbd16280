"""Students for tests: random weights, a byte for a token, built in milliseconds from no file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.ports import Tuning
from mdexp.students.load import BaseDtype, Kind, Loaded, Roles

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

SPECIAL_TOKENS = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


class TinyStudent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    prompt: Literal["chat", "plain"]
    tuning: Tuning
    base_dtype: BaseDtype = "auto"
    roles: Roles = "shared"
    licence: str = Field("", exclude=True)  # said in the model card; out of every stage's key
    hidden_size: int = Field(ge=8)
    layers: int = Field(ge=1)
    heads: int = Field(ge=1)
    lora_rank: int = Field(ge=1)
    lora_alpha: float = Field(gt=0)
    lora_dropout: float = Field(ge=0, lt=1)
    lora_targets: str | tuple[str, ...]

    def files(self) -> dict[str, Path]:
        return {}

    def is_packed(self) -> bool:
        return False

    def load(self, seed: int) -> Loaded:
        import torch
        from transformers import LlamaForCausalLM, T5ForConditionalGeneration

        config: Any = self.config()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            causal = self.kind == "causal"
            model = LlamaForCausalLM(config) if causal else T5ForConditionalGeneration(config)
        return model.eval(), self.tokenizer()

    def tokenizer(self) -> "PreTrainedTokenizerBase":
        return byte_tokenizer()

    def config(self) -> "PretrainedConfig":
        tokenizer = self.tokenizer()
        return self._llama(tokenizer) if self.kind == "causal" else self._t5(tokenizer)

    def _llama(self, tokenizer: "PreTrainedTokenizerBase") -> "PretrainedConfig":
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=self.hidden_size,
            intermediate_size=2 * self.hidden_size,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            max_position_embeddings=4096,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )

    def _t5(self, tokenizer: "PreTrainedTokenizerBase") -> "PretrainedConfig":
        from transformers import T5Config

        config = T5Config(
            vocab_size=len(tokenizer),
            d_model=self.hidden_size,
            d_kv=self.hidden_size // self.heads,
            d_ff=2 * self.hidden_size,
            num_layers=self.layers,
            num_heads=self.heads,
            dropout_rate=0.0,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        config.decoder_start_token_id = tokenizer.pad_token_id
        return config


def byte_tokenizer() -> "PreTrainedTokenizerBase":
    """A tokenizer with one token per byte: nothing is lost, newlines and braces included."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL_TOKENS.values(), *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL_TOKENS)
    fast.chat_template = CHAT_TEMPLATE
    return fast
