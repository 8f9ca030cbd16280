"""Uploads an exported folder to a private repository of the Hugging Face hub."""

from pathlib import Path
from typing import Literal

from mdexp.store.hub import HubError

Kind = Literal["model", "dataset"]
SAID = 300  # characters of an error


def upload(folder: Path, name: str, kind: Kind = "model") -> str:
    """Upload a folder to the private repository `name`, created if necessary; return its address.

    HubError if that fails or if the repository is public: asking the hub to create it as private
    would silently leave it public.
    """
    from huggingface_hub import HfApi

    hub = HfApi()
    try:
        repository = hub.create_repo(name, repo_type=kind, private=True, exist_ok=True)
        private = hub.repo_info(repository.repo_id, repo_type=kind).private
        if private:
            hub.upload_folder(folder_path=folder, repo_id=repository.repo_id, repo_type=kind)
    # Any HTTP client of the hub's library may raise. `from None`: the error may hold the token.
    except Exception as error:
        raise HubError(
            f"{name}: not uploaded, {_said(error)}\n{folder} is whole; this uploads it:\n"
            f"    hf upload {name} {folder}{_typed(kind)} --private"
        ) from None
    if not private:
        raise HubError(
            f"{name}: not uploaded, since that repository is there and public. Give another name, "
            f"make it private, or publish {folder} on purpose:\n    "
            f"hf upload {name} {folder}{_typed(kind)}"
        )
    return str(repository)


def _typed(kind: Kind) -> str:
    return "" if kind == "model" else f" --repo-type {kind}"


def _said(error: Exception) -> str:
    """An error on one line, without the token."""
    from huggingface_hub import get_token

    text = " ".join(f"{type(error).__name__}: {error}".split())
    token = get_token()
    return (text.replace(token, "[token]") if token else text)[:SAID]
