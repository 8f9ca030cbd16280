"""A page as a headless browser has it after its own script, and after a script of a test, ran."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path

MISSING = (
    "the report is looked at in chromium, which is not here: install it, as by `apt-get install "
    "chromium` (or chrome, or chromium-browser)"
)
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

PLAYER = """
const all = {};
const play = (name, script) => {
  const filters = document.getElementById("filters");
  filters.reset();
  filters.dispatchEvent(new Event("input"));
  const seen = [];
  try { script(seen); } catch (error) { seen.push(`threw ${error}`); }
  all[name] = seen.map(String);
  top.document.getElementById("seen").textContent = `[[[${JSON.stringify(all)}]]]`;
};
"""


def dom(page: Path, profile: Path, *flags: str) -> str:
    """The page's document after loading."""
    options = [*QUIET, *flags, f"--user-data-dir={profile}", "--dump-dom"]
    command = [str(CHROMIUM), *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def driven(
    page: Path,
    tools: str,
    plays: Mapping[str, str],
    profile: Path,
    *flags: str,
    width: int | None = None,
) -> dict[str, list[str]]:
    """What each script of `plays`, run in the page one after the other, pushed into `seen`. With a
    `width` the page is in a frame of so many pixels: no window is narrower than 500."""
    parts = "\n".join(
        f"play({json.dumps(name)}, (seen) => {{ {script} }});" for name, script in plays.items()
    )
    seen = "<pre id='seen'></pre>"
    played = f"{seen}<script>{{ {PLAYER} {tools} {parts} }}</script></body>"
    text = page.read_text().replace("</body>", played)
    if width:
        frame = (
            f"<iframe style='width: {width}px; height: 900px; border: 0' srcdoc='{escape(text)}'>"
        )
        text = f"<!doctype html><body>{seen}{frame}</iframe></body>"
    copy = page.with_name("driven.html")
    copy.write_text(text)
    shown = re.search(r"\[\[\[(.*)\]\]\]</pre>", dom(copy, profile, *flags), re.DOTALL)
    assert shown, "the script of the test did not run"
    return json.loads(unescape(shown[1]))
