"""Finds out within seconds whether the Hugging Face hub has a file, with a clear error.

The hub's client would retry for half a minute. Downloads, their cache, resuming and progress are
left to it.
"""

HUB_TIMEOUT_S = 5.0


class HubError(ValueError):
    """The hub does not give a file; the message says why and how to avoid it."""


def reach(repo: str, revision: str | None, file: str, kind: str, instead: str) -> None:
    """Ask for a file of a `dataset` or `model` without downloading it; HubError if that fails.

    `instead` ends the error: which option avoids the hub.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    what = f"{repo}@{(revision or 'main')[:12]}"
    try:
        if constants.HF_HUB_OFFLINE:
            raise ConnectionError("HF_HUB_OFFLINE is set, and it was not downloaded before")
        where = {"repo_type": kind, "revision": revision, "endpoint": constants.ENDPOINT}
        url = hf_hub_url(repo, file, **where)
        get_hf_file_metadata(url, timeout=HUB_TIMEOUT_S)
    except EntryNotFoundError as error:
        raise HubError(f"{what} has no {file} on the hub; {instead}") from error
    except GatedRepoError as error:
        raise HubError(
            f"{what} is gated: accept its terms at {constants.ENDPOINT}/{repo}, then log in with "
            f"`hf auth login` or set HF_TOKEN to a token of that account; or {instead}"
        ) from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repo} has no revision {revision} on the hub; {instead}") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"{repo} is not on the hub, or is private and HF_TOKEN is not set; {instead}"
        ) from error
    except Exception as error:  # of whichever HTTP client this version of the hub's library uses
        raise HubError(
            f"the hub ({constants.ENDPOINT}) cannot be asked for {what} "
            f"({type(error).__name__}: {error}); {instead}"
        ) from error
