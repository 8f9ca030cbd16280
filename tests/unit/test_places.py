"""Which GPU a job of a sweep gets."""

import pytest

from mdexp.sweeps.processes import places, visible_devices


@pytest.mark.parametrize(
    ("devices", "num_jobs", "expected"),
    [
        ([], None, [None]),
        ([], 3, [None, None, None]),
        (["0"], None, ["0"]),
        (["0", "1", "3"], None, ["0", "1", "3"]),
        (["0", "1"], 1, ["0"]),
        (["0", "1"], 5, ["0", "1", "0", "1", "0"]),
    ],
)
def test_one_job_for_each_device(
    devices: list[str], num_jobs: int | None, expected: list[str | None]
) -> None:
    assert places(devices, num_jobs) == expected


@pytest.mark.parametrize(
    ("visible", "devices"),
    [("0,1", ["0", "1"]), ("GPU-8f2a", ["GPU-8f2a"]), ("", []), ("-1", [])],
)
def test_what_the_command_sees_is_what_its_jobs_share(visible: str, devices: list[str]) -> None:
    assert visible_devices({"CUDA_VISIBLE_DEVICES": visible}) == devices


def test_without_a_gpu_there_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert visible_devices({}) == []
