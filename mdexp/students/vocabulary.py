"""New tokens of a student's vocabulary, which a thought brings (ports.BringsTokens).

A new token's embedding begins as the mean of the embeddings of what it stands for, as in the code
of planning tokens (arXiv 2310.05707). A head with weights of its own gets the same rows; a tied
head has them already.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdexp.students.load import Loaded

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NewTokens = Mapping[str, str]  # a token as texts have it, and the words that it begins as


def extended_tokenizer(
    tokenizer: "PreTrainedTokenizerBase", tokens: NewTokens
) -> "PreTrainedTokenizerBase":
    """The tokenizer, changed in place to read each of the tokens as one."""
    from tokenizers import AddedToken

    # Not `special`: decoding has to write them out, so that a thought can read them.
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in tokens])
    return tokenizer


def extended(student: Loaded, tokens: NewTokens) -> Loaded:
    """Model and tokenizer, changed in place to know the tokens; without any, as they are."""
    import torch

    model: Any = student[0]
    tokenizer: Any = student[1]
    if not tokens:
        return student
    pieces = {
        token: tokenizer(words, add_special_tokens=False)["input_ids"]
        for token, words in tokens.items()
    }
    extended_tokenizer(tokenizer, tokens)
    ids = token_ids(tokenizer, tokens)
    # Some models have more rows than their tokenizer has tokens.
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    tables = [model.get_input_embeddings().weight]
    if not is_tied(model):
        tables.append(model.get_output_embeddings().weight)
    with torch.no_grad():
        for table in tables:
            for token, row in zip(tokens, ids, strict=True):
                table[row] = table[pieces[token]].mean(dim=0)
    return model, tokenizer


def token_ids(tokenizer: "PreTrainedTokenizerBase", tokens: NewTokens) -> list[int]:
    """The number of each token in an extended vocabulary, in order."""
    known: Any = tokenizer
    return [int(known.convert_tokens_to_ids(token)) for token in tokens]


def is_tied(model: "PreTrainedModel") -> bool:
    """Whether embedding and head are one table."""
    head = model.get_output_embeddings()
    return head is None or head.weight is model.get_input_embeddings().weight
