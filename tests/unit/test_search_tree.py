"""PUCT over a tree: which step is expanded next, what is backed up, and what is closed."""

from math import sqrt

import pytest

from mdexp.decoding.search_tree import Node, SearchTree


def tree(exploration=1.0):
    return SearchTree(budget=1000, exploration=exploration)


def step(parent, text, value=0.0, **fields):
    return Node(parent=parent, text=parent.text + text, value=value, **fields)


def expand(found, node, *steps):
    """Each of the steps behind a node, backed up and closed as they are when a tree grows."""
    node.is_expanded = True
    new = [one for each in steps for one in found.extend(node, [each])]
    for one in new:
        found.back_up(one)
    found.close_exhausted(node)
    return new


def test_values_are_backed_up_to_the_root_as_means():
    found = tree()
    a, b = expand(found, found.root, step(found.root, "a", 0.5), step(found.root, "b", 0.1))
    expand(found, a, step(a, "c", 1.0), step(a, "d", 0.0))
    assert (found.root.visits, found.root.total) == (4, pytest.approx(1.6))
    assert (a.visits, a.total) == (3, pytest.approx(1.5))
    assert (b.visits, b.total) == (1, pytest.approx(0.1))
    assert [row["mean"] for row in found.rows()] == [0.4, 0.5, 0.1, 1.0, 0.0]


@pytest.mark.parametrize(("exploration", "chosen"), [(0.0, "a"), (2.8, "a"), (2.9, "b")])
def test_the_choice_is_puct_with_the_share_of_draws_as_prior(exploration, chosen):
    found = tree(exploration)
    steps = [step(found.root, "a", 0.9), *(step(found.root, "b", 0.2) for _ in range(3))]
    a, b = expand(found, found.root, *steps)
    assert (a.draws, b.draws, len(found.nodes)) == (1, 3, 3), "alike steps are one, drawn thrice"
    scores = {
        "a": 1.0 + exploration * 1 / 4 * sqrt(2) / (1 + 1),
        "b": 0.0 + exploration * 3 / 4 * sqrt(2) / (1 + 1),
    }
    assert found.next_to_expand().text == max(scores, key=scores.get) == chosen


def test_the_spread_of_the_values_does_not_matter_and_failures_have_no_part_in_it():
    chosen = []
    for spread in (1.0, 0.01):
        found = tree(exploration=2.0)
        steps = [step(found.root, text, 0.4 + spread * v) for text, v in [("a", 0.0), ("b", 0.5)]]
        failed = step(found.root, "c", 0.0, status="failed", is_closed=True)
        expand(found, found.root, *steps, failed)
        for _ in range(6):
            node = found.next_to_expand()
            chosen.append(node.text)
            value = 0.4 + spread * 0.3
            expand(found, node, step(node, "x", value), step(node, "y", value))
    assert chosen[:6] == chosen[6:] and len(set(chosen[:6])) == 6
    assert {text[0] for text in chosen} == {"a", "b"}


def test_what_is_closed_is_not_followed_and_closes_what_it_exhausts():
    found = tree()
    whole, other = expand(
        found,
        found.root,
        step(found.root, "a", 1.0, is_whole=True, is_closed=True),
        step(found.root, "b", 0.1),
    )
    assert found.next_to_expand() is other
    expand(found, other, step(other, "c", 0.3, status="failed", is_closed=True))
    assert other.is_closed and found.root.is_closed
    assert found.leaves() == [whole] and found.best() is whole


def test_an_exhausted_tree_is_drawn_at_once_more_until_that_finds_nothing_new():
    found = tree()

    def once_more(*texts):
        assert found.next_to_expand() is found.root
        steps = [step(found.root, text, is_whole=True, is_closed=True) for text in texts]
        return expand(found, found.root, *steps)

    assert len(once_more("a", "b")) == 2 and found.root.is_closed
    assert len(once_more("b", "c")) == 1, "something new"
    assert once_more("a", "c") == []
    assert found.next_to_expand() is None
    assert [leaf.draws for leaf in found.leaves()] == [2, 2, 2]


def test_a_text_is_a_chain_that_can_be_expanded_at_each_step():
    found = tree()
    first = step(found.root, "a")
    last = step(first, "b", 0.4, is_whole=True, is_closed=True)
    assert found.extend(found.root, [first, last]) == [first, last]
    assert found.next_to_expand() is found.root
    for each in (first, last):
        found.back_up(each)
    again = [step(found.root, "a"), step(found.root, "x")]
    again[1].parent, again[1].text = again[0], "ax"
    assert [n.text for n in found.extend(found.root, again)] == ["ax"]
    assert first.draws == 2 and {child.text for child in first.children} == {"ab", "ax"}


def test_nothing_follows_a_step_that_failed():
    found = tree()
    bad = step(found.root, "a", status="failed", is_closed=True)
    assert found.extend(found.root, [bad, step(bad, "b", is_whole=True)]) == [bad]
    assert found.best() is bad, "there is nothing better"


def test_the_best_is_whole_then_under_way_then_failed_and_of_equal_ones_the_first():
    found = tree()
    failed = step(found.root, "a", 0.0, status="failed", is_closed=True)
    under_way = step(found.root, "b", 0.9)
    expand(found, found.root, failed, under_way)
    assert found.best() is under_way
    wholes = [step(found.root, f"w{n}", 0.1, is_whole=True, is_closed=True) for n in (1, 2)]
    expand(found, found.root, *wholes)
    assert found.best() is wholes[0] and found.leaves() == wholes


def test_rows_name_parents_by_place_and_hold_each_step_alone():
    found = tree()
    [a] = expand(found, found.root, step(found.root, "a = 1\n", 0.25))
    expand(found, a, step(a, "ans = a\n", 0.5, is_whole=True, is_closed=True))
    rows = found.rows()
    assert [row["parent"] for row in rows] == [None, 0, 1]
    assert [row["text"] for row in rows] == ["", "a = 1\n", "ans = a\n"]
    assert [row["status"] for row in rows] == ["open", "open", "whole"]
