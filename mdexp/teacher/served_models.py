"""The models that a teacher's server lists: one that it does not list may be refused, or be another
one under its name."""

import logging
from collections.abc import Sequence

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
SHOWN = 5  # names of listed models, in a warning


def warn_of_unlisted(url: str, key: str, model: str) -> None:
    """Say whether the server lists the model. No error: a hosted service may know aliases that it
    does not list, and a server may list nothing."""
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
    """Names of the models that a server lists; none where it does not say."""
    from openai import OpenAI, OpenAIError

    try:
        with OpenAI(base_url=url, api_key=key, timeout=TIMEOUT_S, max_retries=0) as client:
            return [str(model.id) for model in client.models.list().data]
    # Whatever the server sends instead of a list: the calls that follow say what is wrong.
    except (OpenAIError, ValueError, TypeError, AttributeError):
        return []
