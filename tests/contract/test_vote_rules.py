"""What any vote rule has to do: a new yaml in conf/vote is tested without a line here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.ports import Ballot, LearnedVote, VoteRule
from tests.contract.conftest import names, plugin
from tests.unit.test_vote import path

NAMES = names("vote")
RULES = {name: plugin("vote", name) for name in NAMES}
PATH = path("cot", 18, 1)
ballots = st.lists(
    st.builds(
        Ballot,
        st.sampled_from(["18", "7", "yes"]),
        st.sampled_from(["cot", "pot"]),
        st.sampled_from([-0.25, -3.0]),
        st.just(PATH),
    ),
    min_size=1,
    max_size=6,
)


def learned(name):
    """The rule as it votes: one that learns has seen no validation problem."""
    rule = RULES[name]
    return rule.learned([])[0] if isinstance(rule, LearnedVote) else rule


def test_rules_are_found():
    assert {"majority", "likelihood", "accuracy", "cascade", "agreement"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_offers_what_a_rule_has_to(name):
    assert isinstance(RULES[name], VoteRule) and RULES[name].name == name
    assert RULES[name].order == (), "by validation accuracy unless an order is given"
    assert "pot, cot" in RULES[name].describe(["pot", "cot"])


@given(ballots, st.sampled_from(NAMES))
def test_only_answers_that_were_given_have_a_weight(cast, name):
    tally = learned(name).tally(cast)
    assert tally and tally.keys() <= {ballot.key for ballot in cast}
    assert all(weight >= 0 for weight in tally.values())


@given(ballots, st.sampled_from(NAMES))
def test_where_all_paths_agree_their_answer_has_all_the_weight(cast, name):
    alike = [ballot._replace(key="18") for ballot in cast]
    assert learned(name).tally(alike).keys() == {"18"}
