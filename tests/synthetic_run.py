"""A small scored run, made up: what the tests of the report and of its page look at."""

from mdexp.records import Generation, Problem
from mdexp.scoring.score import metrics, votes

ORDER = ["cot", "pot"]
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
        status="ok",
        correct=correct,
    )


def run_parts(phases=("before", "after"), num_problems=10, text="", samples=(0,)):
    """Before, two of ten are solved; after, cot solves six and pot eight."""
    solved = {("before", "cot"): 2, ("before", "pot"): 2, ("after", "cot"): 6, ("after", "pot"): 8}
    generations = [
        generation(n, phase, thought, correct=n < solved[phase, thought], text=text, sample=k)
        for n in range(num_problems)
        for phase in phases
        for thought in ORDER
        for k in samples
    ]
    elected = votes(generations, ORDER)
    problems = [
        Problem(id=f"p{n}", dataset="toy", split="test", question=f"How many? {text}", answer=18)
        for n in range(num_problems)
    ]
    return {
        "problems": problems,
        "generations": generations,
        "votes": elected,
        "metrics": metrics(generations, elected, ORDER),
        "funnel": [],
        "history": [],
        "run": {},
    }


def history(steps):
    return [{"step": k + 1, "loss": 2.0 - k / steps, "nll_cot": 1.0} for k in range(steps)]
