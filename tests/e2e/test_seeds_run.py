"""`seeds=2` from the command line to the page."""

from mdexp.store.files import read_json


def test_one_command_runs_the_seeds_and_shows_them_together(command, tmp_path, capsys):
    assert command("seeds=2", "seed=7", "hydra.sweep.dir=sweep") == 0
    sweep = tmp_path / "sweep"
    seeds = [read_json(sweep / job / "run.json")["seed"] for job in "01"]
    assert seeds == [7, 8]
    assert "Seeds together" in (sweep / "sweep.html").read_text()
    assert "over 2 seeds" in capsys.readouterr().out
