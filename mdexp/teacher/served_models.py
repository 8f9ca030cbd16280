"""Asks a teacher's server for its list of models: one that is not listed may be refused, or another
model may answer under its name."""

import logging
from collections.abc import Sequence

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
SHOWN = 5  # most names of models in a warning


def warn_of_unlisted(url: str, key: str, model: str) -> None:
    """Warn if the server does not list the model. It is not an error: a hosted service may know
    aliases that it does not list, and a server may list nothing."""
    listed = served_models(url, key)
    if model in listed:
        log.info("teacher: %s lists %s", url, model)
    elif listed:
        more = ", ..." if len(listed) > SHOWN else ""
        log.warning(
            "teacher: %s does not list teacher.model=%s; it lists %s%s",
            url,
            model,
            ", ".join(listed[:SHOWN]),
            more,
        )


def served_models(url: str, key: str) -> Sequence[str]:
    """The names of the models that a server lists; empty if it gives no list."""
    from openai import OpenAI, OpenAIError

    try:
        with OpenAI(base_url=url, api_key=key, timeout=TIMEOUT_S, max_retries=0) as client:
            return [str(model.id) for model in client.models.list().data]
    # Anything but a list is ignored here: the calls that follow say what is wrong.
    except (OpenAIError, ValueError, TypeError, AttributeError):
        return []
