"""Programs as models write them, made of templates and random numbers. All of them are our own.

A template's <a>, <b>, ... become whole numbers, its <x>, <y> amounts with two decimals. Equal seeds
give equal programs, and no program comes twice.
"""

import random
import re
from collections.abc import Sequence

from bench.numeric_programs import NUMPY, SOLVING, SYMPY

PLAIN = """
eggs = <a>
eaten = <b>
price = <x>
ans = (eggs - eaten) * price
---
# There are <a> boxes with <b> pencils each; <c> are given away.
boxes = <a>
pencils_per_box = <b>
given_away = <c>
ans = boxes * pencils_per_box - given_away
---
def solution():
    '''A shop sells <a> shirts at <x> each and gives <b> percent off.'''
    shirts = <a>
    price = <x>
    discount = <b> / 100
    total = shirts * price
    result = total - total * discount
    return result
---
def solver():
    total = 0
    for week in range(1, <a> + 1):
        total += <b> + week * <c>
    return total
ans = solver()
---
amount = <x>
years = 0
while amount < <y> * 10:
    amount = amount * 1.0<d>
    years += 1
ans = years
---
hours = [<a>, <b>, <c>, <d>]
wage = <x>
pay = sum(hour * wage if hour <= 40 else 40 * wage + (hour - 40) * wage * 1.5 for hour in hours)
ans = round(pay, 2)
---
from math import sqrt, ceil
width = <a>
height = <b>
diagonal = sqrt(width ** 2 + height ** 2)
ans = ceil(diagonal)
---
import math
people = <a> * <b>
seats = <c>
ans = math.ceil(people / seats)
---
prices = {"apple": <x>, "pear": <y>, "plum": <x>}
basket = {"apple": <a>, "pear": <b>, "plum": <c>}
total = 0
for fruit, count in basket.items():
    total += prices[fruit] * count
answer = round(total, 2)
---
def solve():
    first = <a>
    second = first * <b>
    third = (first + second) / 2
    return first + second + third
print(solve())
---
total = <a>
half = total // 2
quarter = total % <b>
print(f"{half + quarter:.2f}")
---
from datetime import date, timedelta
start = date(2023, 3, 1)
end = start + timedelta(days=<a> * <b>)
ans = (end - start).days // 7
---
speed = <a>
distance = <b> * <c>
hours = distance / speed
minutes = int(hours * 60)
print("The trip takes", minutes, "minutes.")
ans = minutes
---
marbles = <a> + <b>
given = marbles // 3
left = marbles - given
ans = "more" if left > <c> * 10 else "fewer"
---
cost = <x> * <a>
tax = cost * <b> / 100
tip = round(cost * 0.15, 2)
ans = cost + tax + tip
"""

STANDARD_LIBRARY = """
def solution():
    from fractions import Fraction
    eaten = Fraction(1, <b>) + Fraction(1, <c>)
    return float(<a> * (1 - eaten))
---
import statistics
ans = statistics.median([<a>, <b>, <c>, <d>])
---
def multiples(step):
    number = 0
    while True:
        number += step
        yield number
ans = next(number for number in multiples(<b>) if number > <a> * <c>)
---
import heapq
ans = sum(heapq.nlargest(2, [<a>, <b>, <c>, <d>]))
---
scores = {"Ann": <a>, "Ben": <b>, "Cy": <c>}
ans = max(scores, key=scores.get)
"""

ENDLESS = """
n = <a>
while True:
    n += <b>
---
def solution():
    count = <a>
    while count != <b> / 7:
        count += <c>
    return count
ans = solution()
---
left = <a>
while left > 0:
    left = left - 0 * <b>
ans = left
"""


def programs(templates: str, count: int, seed: int = 0) -> list[str]:
    """`count` different programs of the templates, in equal shares."""
    chosen = random.Random(seed)
    forms = templates.strip("\n").split("\n---\n")
    made: dict[str, None] = {}
    while len(made) < count:
        made[_filled(forms[len(made) % len(forms)], chosen)] = None
    return list(made)


def mix(plain: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """`count` programs in random order: 13 % use sympy, 0.4 % never end, 0.6 % use numpy,
    and 2 % use more of the language and its library than Monty has."""
    rare = [
        *programs(SOLVING, round(0.085 * count), seed),
        *programs(SYMPY, round(0.045 * count), seed),
        *programs(NUMPY, round(0.006 * count), seed),
        *programs(STANDARD_LIBRARY, round(0.02 * count), seed),
        *programs(ENDLESS, round(0.004 * count), seed),
    ]
    mixed = [*rare, *plain[: count - len(rare)]]
    random.Random(seed).shuffle(mixed)
    return mixed


def _filled(template: str, chosen: random.Random) -> str:
    values = {letter: str(chosen.randint(2, 99)) for letter in "abcd"}
    values |= {letter: f"{chosen.uniform(1, 200):.2f}" for letter in "xy"}
    return re.sub(r"<(\w)>", lambda found: values[found[1]], template) + "\n"
