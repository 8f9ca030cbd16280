"""Asks a server for its list of models: one that is not listed may be refused, or another model may
answer under its name."""

import logging
from collections.abc import Sequence

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
SHOWN = 5  # most names of models in a sentence
UNLISTED = "does not list"


class ServerUnreachable(ValueError):
    """Nothing answers at a URL."""


def listing(key: str, model: str, url: str, api_key: str) -> str:
    """What a server says of a model, in words; ServerUnreachable if it does not answer. The setting
    `key` names the model.

    A model that is not listed is no error: a hosted service may know aliases that it does not list,
    and a server may list nothing.
    """
    listed = served_models(url, api_key)
    if model in listed:
        return f"{url} lists {model}"
    if not listed:
        return f"{url} gives no list of models"
    more = ", ..." if len(listed) > SHOWN else ""
    return f"{url} {UNLISTED} {key}={model}; it lists {', '.join(listed[:SHOWN])}{more}"


def log_listing(key: str, model: str, url: str, api_key: str) -> None:
    """Say the same in the log, where a model that is not listed is a warning."""
    said = listing(key, model, url, api_key)
    level = logging.WARNING if UNLISTED in said else logging.INFO
    log.log(level, "%s: %s", key.partition(".")[0], said)


def served_models(url: str, api_key: str) -> Sequence[str]:
    """The names of the models that a server lists, empty if it gives no list; ServerUnreachable if
    it does not answer."""
    from openai import APIConnectionError, OpenAI, OpenAIError

    try:
        with OpenAI(base_url=url, api_key=api_key, timeout=TIMEOUT_S, max_retries=0) as client:
            return [str(model.id) for model in client.models.list().data]
    # `from None`: the SDK's errors hold the request, and that holds the key.
    except APIConnectionError as error:
        raise ServerUnreachable(f"{url} does not answer ({error.__cause__ or error})") from None
    # Anything but a list is ignored here: the calls that follow say what is wrong.
    except (OpenAIError, ValueError, TypeError, AttributeError):
        return []
