"""The report in a real browser, where one is installed: it renders, and no planted script runs."""

import shutil
import subprocess

import pytest

from mdexp.report.build import build
from tests.synthetic_run import ATTACK, history, run_parts

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def dom(tmp_path_factory) -> str:
    """The page as the browser has it after its script ran."""
    folder = tmp_path_factory.mktemp("report")
    build(folder, **run_parts(text=ATTACK, num_problems=30) | {"history": history(40)})
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    command = [CHROMIUM, *QUIET, profile, "--dump-dom", (folder / "report.html").as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_result_table_renders(dom):
    assert '<th scope="row">tie-break</th>' in dom and "26.7 %" in dom


def test_the_first_page_of_generations_is_rendered_as_text(dom):
    assert "1 to 20 of 120" in dom
    assert dom.count('<article class="') == 20
    assert "&lt;img src=x onerror=alert(1)&gt;" in dom


def test_nothing_planted_ran(dom):
    assert "<title>mdexp report</title>" in dom
    assert "<img" not in dom


def test_the_page_asks_for_nothing_outside(dom):
    assert "http:" not in dom and "https:" not in dom
