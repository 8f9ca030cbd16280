"""A small scored run, made up: what the tests of the report and of its page look at."""

from mdexp.grading.analysis import analyse
from mdexp.grading.score import metrics, votes
from mdexp.grading.vote_rules.majority import MAJORITY
from mdexp.records import Generation, Problem

ORDER = ["cot", "pot"]
THREE = [*ORDER, "eot"]
SOLVED = {  # of ten problems, the first so many
    "before": {"cot": 2, "pot": 2, "eot": 0},
    "after": {"cot": 6, "pot": 8, "eot": 7},
}
ATTACK = "</script><script>document.title = 'planted'</script><!-- <img src=x onerror=alert(1)>"


def generation(number, phase, thought, *, correct, text="", sample=0):
    return Generation(
        problem_id=f"p{number}",
        dataset="toy",
        split="test",
        phase=phase,
        thought=thought,
        sample=sample,
        num_shots=4 if phase == "before" else 0,
        text=text,
        answer=18 if correct else number,
        read=18 if correct else number,
        status="ok",
        correct=correct,
    )


def run_parts(
    phases=("before", "after"),
    num_problems=10,
    text="",
    samples=(0,),
    thoughts=ORDER,
    rule=MAJORITY,
    types=("",),
):
    generations = [
        generation(n, phase, thought, correct=n < SOLVED[phase][thought], text=text, sample=k)
        for n in range(num_problems)
        for phase in phases
        for thought in thoughts
        for k in samples
    ]
    elected = votes(generations, thoughts, rule)
    problems = [
        Problem(
            id=f"p{n}",
            dataset="toy",
            split="test",
            question=f"How many? {text}",
            answer=18,
            type=types[n % len(types)],
        )
        for n in range(num_problems)
    ]
    return {
        "problems": problems,
        "generations": generations,
        "votes": elected,
        "metrics": metrics(generations, elected, thoughts, rule=rule),
        "analysis": analyse(generations, elected, {p.id: p for p in problems}, thoughts, rule),
        "funnel": [],
        "history": [],
        "run": {},
    }


def history(steps):
    return [
        {"step": k + 1, "loss": 2.0 - k / steps} | {f"nll_{thought}": 1.0 for thought in THREE}
        for k in range(steps)
    ]
