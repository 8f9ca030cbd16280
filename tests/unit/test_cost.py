"""What a run took: its paths' price as the ledger has it, and how the report says all of it."""

from markupsafe import escape

from mdexp.report.build import build_report
from mdexp.report.cost import costs, spent
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.run_cost import paid
from mdexp.teacher.worked import WorkedTeacher
from tests.buyer import COT, NO_PROGRAMS, buy, problems, teacher
from tests.loopback import LoopbackServer
from tests.synthetic_run import run_parts

PRICE = {"input": 1.0, "output": 2.0}
ONE_CALL = 7 * 1 + 3 * 2 * 2  # for two answers, by the tokens that the server counts

STAGES = [
    {"name": "extract", "key": "a", "state": "run", "seconds": 90.0, "counts": {"paid": None}},
    {
        "name": "after",
        "key": "b",
        "state": "run",
        "seconds": 60.0,
        "counts": {
            "tokens": 1024,
            "layout": "tree",
            "cot": {
                "solved on validation by weights": {"[0.5, 0.25]": 3, "[1.0, 0.0]": 1},
                "weights": [0.5, 0.25],
                "steps": {"ran": 14},
            },
        },
    },
]


def cost(url, ledger, number, **changes):
    return paid(teacher(url, **changes), problems(number), {"cot": COT}, ledger, NO_PROGRAMS)


def told(paid):
    stage = {"name": "extract", "seconds": 1.0, "counts": {"paid": paid}}
    return spent({"stages": [stage]})["teacher's price"]


def test_a_run_s_paths_cost_what_was_paid_for_them_and_for_no_others(tmp_path):
    with LoopbackServer() as server:
        buy(server.url, tmp_path, problems(3), num_paths=2, price=PRICE)
        buy(server.url, tmp_path, problems(3), num_paths=2, temperature=0.5, price=PRICE)
        for number in (2, 3):
            expected = {"micro_usd": number * ONE_CALL, "at_most": 0, "unpriced": 0}
            assert cost(server.url, tmp_path, number, num_paths=2) == expected
        assert cost(server.url, tmp_path, 3, num_paths=1) == cost(
            server.url, tmp_path, 3, num_paths=2
        ), "the call that gave one answer gave both"


def test_a_worst_case_is_said_to_be_one(tmp_path):
    with LoopbackServer() as server:
        server.has_usage = False
        buy(server.url, tmp_path, problems(2), price=PRICE)
        found = cost(server.url, tmp_path, 2)
    assert found["micro_usd"] == found["at_most"] > 2 * (7 + 3 * 2)
    assert told(found).endswith("at most: its replies did not count their tokens")


def test_a_call_without_a_price_is_counted_and_not_taken_for_nothing(tmp_path):
    with LoopbackServer() as server:
        buy(server.url, tmp_path, problems(2), price=PRICE)
        with Ledger(tmp_path) as ledger:
            ledger.db.execute("UPDATE calls SET price_micro_usd = NULL WHERE id = 1")
        found = cost(server.url, tmp_path, 2)
    assert found == {"micro_usd": 7 + 3 * 2, "at_most": 0, "unpriced": 1}
    assert told(found) == "$0.000013; calls without a price: 1"


def test_a_teacher_that_is_not_paid_costs_nothing_and_an_old_run_does_not_say(tmp_path):
    asked = problems(2), {"cot": COT}, tmp_path / "none", NO_PROGRAMS
    assert paid(WorkedTeacher(num_paths=1), *asked) is None
    assert not (tmp_path / "none").exists(), "no ledger is made for it"
    assert told(None) == "–"
    stage = {"name": "extract", "seconds": 1.0, "counts": {"paths": 3}}
    assert spent({"stages": [stage]})["teacher's price"] == "not recorded"


def test_costs_are_money_time_memory_and_all_that_was_counted(tmp_path):
    run = {"stages": STAGES, "seconds": 12.3, "peak_memory_mib": 1303}
    assert costs(run)["after"] == [
        "tokens 1,024",
        "cot solved on validation by weights ([0.5, 0.25]: 3, [1.0, 0.0]: 1)",
        "cot weights 0.5, 0.25",
        "cot steps (ran: 14)",
    ]
    build_report(tmp_path, **run_parts() | {"run": run})
    markdown, page = ((tmp_path / name).read_text() for name in ("report.md", "report.html"))
    facts = {
        "teacher's price": "–",
        "time of all stages": "2 min",
        "time of the last command": "12 s",
        "its peak memory": "1,303 MiB",
    }
    for name, value in facts.items():
        assert f"- {name} {value}\n" in markdown
        assert f"<dt>{escape(name)}</dt><dd>{value}</dd>" in page
    assert '<span class="count">cot weights 0.5, 0.25</span>' in page
