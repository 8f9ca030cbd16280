"""Asks a server for its list of models: one that is not listed may be refused, or another model may
answer under its name."""

from collections.abc import Sequence

TIMEOUT_S = 5.0
SHOWN = 5  # most names of models in a sentence


class ServerUnreachable(ValueError):
    """Nothing answers at a URL."""


def listing(key: str, model: str, url: str, api_key: str) -> tuple[str, bool]:
    """What a server says of a model, in words, and whether that is a reason to warn;
    ServerUnreachable if it does not answer. The setting `key` names the model.

    A model that is not listed is no error: a hosted service may know aliases that it does not list,
    and a server may list nothing.
    """
    listed = served_models(url, api_key)
    if model in listed:
        return f"{url} lists {model}", False
    if not listed:
        return f"{url} gives no list of models", False
    more = ", ..." if len(listed) > SHOWN else ""
    return f"{url} does not list {key}={model}; it lists {', '.join(listed[:SHOWN])}{more}", True


def served_models(url: str, api_key: str) -> Sequence[str]:
    """The names of the models that a server lists, empty if it gives no list; ServerUnreachable if
    it does not answer."""
    from openai import APIConnectionError, OpenAI, OpenAIError

    try:
        with OpenAI(base_url=url, api_key=api_key, timeout=TIMEOUT_S, max_retries=0) as client:
            return [str(model.id) for model in client.models.list().data]
    # `from None`: the SDK's errors hold the request, and that holds the key.
    except APIConnectionError as error:
        why = type(error.__cause__ or error).__name__  # its text may have the key
        raise ServerUnreachable(f"{url} does not answer ({why})") from None
    # Anything but a list is ignored here: the calls that follow say what is wrong.
    except (OpenAIError, ValueError, TypeError, AttributeError):
        return []
