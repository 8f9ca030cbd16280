"""Extraction against a server on loopback: how much of an allowed rate is used, and what it costs.

    python -m bench.extract            the rate, the speed, the ledger's share
    python -m bench.extract --storm    5,000 requests of which 38 % fail, first time and again

The server is a process of its own. `ceiling` is what it gives to a bare client that keeps nothing.
"""

import argparse
import http.client
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from mdexp.teacher.leases import Claims
from mdexp.teacher.ledger import Ledger
from tests.buyer import buy, problems
from tests.loopback import LoopbackServer

AT_ONCE = 16
NUM_REQUESTS = 2000
PER_MINUTE = 1200
LIMITED_S = 20
STORM = {"429": 0.30, "500": 0.05, "broken json": 0.02, "stall": 0.01}


def serve(pipe: Connection, settings: dict[str, Any]) -> None:
    """A server that says its URL, and its counts when it is told to end."""
    with LoopbackServer(answer=lambda question, number: f"About {question}") as server:
        if storm := settings.pop("storm", None):
            server.storm(storm, random.Random(0))
        for name, value in settings.items():
            setattr(server, name, value)
        pipe.send(server.url)
        pipe.recv()
        pipe.send((server.num_calls, Counter(server.num_choices.values())))


class Served:
    """A context manager: a server in a process of its own; `counts` after it has ended."""

    def __init__(self, **settings: Any) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process
        self._process = process(target=serve, args=(theirs, settings), daemon=True)

    def __enter__(self) -> "Served":
        self._process.start()
        self.url: str = self._pipe.recv()
        return self

    def __exit__(self, *error: object) -> None:
        self._pipe.send("end")
        self.num_calls, self.times_answered = self._pipe.recv()
        self._process.join()


def ceiling(url: str) -> float:
    """Requests a second of as many threads as there are workers, each with an open connection."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Question?"}]})

    def ask_on() -> None:
        with closing(http.client.HTTPConnection(urlsplit(url).netloc)) as connection:
            for _ in range(NUM_REQUESTS // AT_ONCE):
                connection.request("POST", "/v1/chat/completions", body)
                connection.getresponse().read()

    started = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for asked in [pool.submit(ask_on) for _ in range(AT_ONCE)]:
            asked.result()
    return NUM_REQUESTS / (time.perf_counter() - started)


def timed(owner: type, name: str, spent: dict[str, list[float]]) -> None:
    """Note the seconds of each call of a method, by the clock and of the processor."""
    method: Callable[..., Any] = getattr(owner, name)

    def measured(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter(), time.thread_time()
        try:
            return method(*arguments, **options)
        finally:
            spent["clock"].append(time.perf_counter() - started[0])
            spent["processor"].append(time.thread_time() - started[1])

    setattr(owner, name, measured)


def speed() -> None:
    spent: dict[str, list[float]] = {"clock": [], "processor": []}
    for owner, name in ((Claims, "claim"), (Claims, "answer"), (Ledger, "missing")):
        timed(owner, name, spent)
    with Served() as server, tempfile.TemporaryDirectory() as folder:
        bare = ceiling(server.url)
        started = time.perf_counter()
        buy(server.url, Path(folder), problems(NUM_REQUESTS), concurrency=AT_ONCE)
        rate = NUM_REQUESTS / (time.perf_counter() - started)
    print(f"end to end {rate:.0f} requests/s, the server's ceiling {bare:.0f}/s")
    for kind, seconds in spent.items():
        print(f"ledger, by the {kind}: {1000 * sum(seconds) / NUM_REQUESTS:.2f} ms a request")


def rate() -> None:
    number = PER_MINUTE * LIMITED_S // 60
    with Served(per_minute=PER_MINUTE) as server, tempfile.TemporaryDirectory() as folder:
        buy(server.url, Path(folder), problems(8), requests_per_minute=PER_MINUTE)  # warm
        started = time.perf_counter()
        asked = problems(number + 8)
        buy(
            *(server.url, Path(folder), asked),
            concurrency=AT_ONCE,
            requests_per_minute=PER_MINUTE,
        )
        seconds = time.perf_counter() - started
    used = number / seconds / (PER_MINUTE / 60)
    refused = server.num_calls - number - 8
    print(f"{100 * used:.1f} % of {PER_MINUTE}/min used over {seconds:.1f} s, {refused} refused")


def storm() -> None:
    with Served(storm=STORM) as server, tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        asked = problems(5000)
        paths = buy(server.url, Path(folder), asked, concurrency=64, timeout_s=2.0, max_retries=20)
        seconds = time.perf_counter() - started
    print(f"{len(paths)} answers, {server.num_calls} calls, {seconds:.0f} s")
    print("requests by how often they were answered:", dict(server.times_answered))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--storm", action="store_true")
    if parser.parse_args().storm:
        storm()
    else:
        rate()
        speed()
