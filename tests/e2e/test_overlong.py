"""A path that does not fit ends the command, or is counted: what `on_overlong` says."""

from mdexp.store.files import read_json

UP_TO_EXAMPLES = ["stages=[prepare,extract,verify,examples]", "trainer.max_tokens=150"]


def test_a_path_that_does_not_fit_ends_the_command_or_is_counted(command, tmp_path, capsys):
    assert command("hydra.run.dir=strict", "trainer.on_overlong=error", *UP_TO_EXAMPLES) == 1
    told = capsys.readouterr().err
    assert "lessons are longer than trainer.max_tokens, the first: problem train" in told
    assert "tokens of 150. Raise trainer.max_tokens, or leave them out with" in told
    assert read_json(tmp_path / "strict" / "run.json")["state"] == "failed"
    assert command("hydra.run.dir=kept", *UP_TO_EXAMPLES) == 0
    counts = {s["name"]: s["counts"] for s in read_json(tmp_path / "kept" / "run.json")["stages"]}
    examples = counts["examples"]
    too_long = examples["dropped"]["too_long"]
    assert examples["examples"] and too_long
    assert examples["verified"] == examples["examples"] + too_long
