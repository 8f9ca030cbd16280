"""A folder goes to a private repository of the hub, which stands on 127.0.0.1 here, or nowhere."""

import subprocess
from pathlib import Path

import pytest

from tests.hub_server import HubServer, look

TOKEN = "hf_planted7f3a91c2d4"
NAME = "me/student"
FILES = {"README.md": b"---\nlicense: mit\n---\n# Ours\n", "model.safetensors": bytes(range(256))}
PROBE = """
from pathlib import Path
from mdexp.store.hub import HubError
from mdexp.commands.upload import upload
try:
    print(upload(Path({folder!r}), {name!r}))
except HubError as error:
    print("error:", error)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    exported = tmp_path / "exported"
    exported.mkdir()
    for name, content in FILES.items():
        (exported / name).write_bytes(content)
    return exported


def uploaded(url: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    probe = PROBE.format(folder=str(folder), name=NAME)
    done = look(probe, url, folder.parent / "cache", HF_TOKEN=TOKEN, **more)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done


def test_a_repository_is_made_private_and_gets_every_file(folder: Path) -> None:
    with HubServer({}) as hub:
        assert uploaded(hub.url, folder).stdout == f"{hub.url}/{NAME}\n"
        assert hub.private == {NAME: True}
        assert hub.sent == {NAME: FILES}
        assert hub.authorized == {f"Bearer {TOKEN}"}


def test_a_private_repository_that_is_there_is_sent_to(folder: Path) -> None:
    with HubServer({}) as hub:
        hub.private = {NAME: True}
        assert uploaded(hub.url, folder).stdout == f"{hub.url}/{NAME}\n"
        assert hub.sent == {NAME: FILES}


def test_a_public_repository_that_is_there_gets_nothing(folder: Path) -> None:
    with HubServer({}) as hub:
        hub.private = {NAME: False}
        said = uploaded(hub.url, folder).stdout
        assert hub.sent == {} and hub.private == {NAME: False}
    assert said.startswith(
        f"error: {NAME}: not uploaded, since that repository is there and public"
    )
    assert said.endswith(f"\n    hf upload {NAME} {folder}\n")


def test_what_the_hub_refuses_says_how_to_go_on_and_keeps_the_token(folder: Path) -> None:
    with HubServer({}) as hub:
        hub.takes = False
        said = uploaded(hub.url, folder).stdout
    assert said.startswith(f"error: {NAME}: not uploaded, HfHubHTTPError: ")
    assert "not with Bearer [token]" in said, "the hub did repeat it"
    assert said.endswith(f"\n    hf upload {NAME} {folder} --private\n")


@pytest.mark.parametrize("more", [{}, {"HF_HUB_OFFLINE": "1"}], ids=["no hub", "offline"])
def test_without_a_hub_the_folder_is_named(more: dict[str, str], folder: Path) -> None:
    said = uploaded("http://127.0.0.1:9", folder, **more).stdout  # the discard port
    assert said.startswith(f"error: {NAME}: not uploaded, ")
    assert f"{folder} is whole; this uploads it:" in said
