"""The vote rules and graders that mdexp brings, by name."""

from mdexp.grading.graders.dss import Dss
from mdexp.grading.graders.lenient import Lenient
from mdexp.grading.graders.pad import Pad
from mdexp.grading.graders.strict import Strict
from mdexp.grading.graders.xot import Xot
from mdexp.grading.vote_rules.accuracy import Accuracy
from mdexp.grading.vote_rules.agreement import Agreement
from mdexp.grading.vote_rules.cascade import Cascade
from mdexp.grading.vote_rules.likelihood import Likelihood
from mdexp.grading.vote_rules.majority import Majority

GRADERS = {grader.name: grader() for grader in (Strict, Lenient, Pad, Xot, Dss)}
RULES = {rule.name: rule for rule in (Majority, Likelihood, Accuracy, Cascade, Agreement)}
