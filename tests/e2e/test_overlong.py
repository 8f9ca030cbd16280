"""A path that does not fit ends the command, or is counted: what `on_overlong` says."""

from mdexp.store.files import read_json

UP_TO_EXAMPLES = ["stages=[prepare,extract,verify,examples]", "trainer.max_tokens=150"]


def test_a_path_that_does_not_fit_ends_the_command_or_is_counted(command, tmp_path, capsys):
    assert command("hydra.run.dir=strict", "trainer.on_overlong=error", *UP_TO_EXAMPLES) == 2
    told = capsys.readouterr().err
    assert "trainer.max_tokens: " in told
    assert "lessons are longer, the first: problem train" in told
    assert "tokens of 150. Raise it, or leave them out with trainer.on_overlong=drop" in told
    assert read_json(tmp_path / "strict" / "run.json")["state"] == "failed"
    assert command("hydra.run.dir=kept", *UP_TO_EXAMPLES) == 0
    counts = {s["name"]: s["counts"] for s in read_json(tmp_path / "kept" / "run.json")["stages"]}
    examples = counts["examples"]
    too_long = examples["dropped"]["too_long"]
    assert examples["examples"] and too_long
    assert examples["verified"] == examples["examples"] + too_long


def test_a_mix_of_which_one_thought_does_not_fit_names_the_keys(command, tmp_path, capsys):
    """Programs fit and chains do not, so no problem has both."""
    to_train = ["stages=[prepare,extract,verify,examples,train]", "hydra.run.dir=mix"]
    fits = ["trainer.max_tokens=148", "lambda=0.5"]
    assert command(*to_train, *fits) == 2
    told = capsys.readouterr().err
    assert "objective.pairing: nothing to train on: no problem has an example of each of" in told
    assert "Raise trainer.max_tokens if they are too long, or set objective.pairing=any" in told
    assert "no example at all of cot: 'thought=[pot]' objective=union trains without" in told
    assert command(*to_train, *fits, "objective.pairing=any") == 2
    assert "thought: nothing to train on for ['" in capsys.readouterr().err
    assert not (tmp_path / "mix" / "history.jsonl").exists()
