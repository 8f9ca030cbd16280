"""All stages that write to the store, in the order of a run.

    prepare -> extract -> verify -> examples -> train -> before, after -> score -> (report)

`convert` is not listed: it is run when the weights of a packed student are first needed.
"""

from mdexp.stages.examples import EXAMPLES
from mdexp.stages.extract import EXTRACT
from mdexp.stages.generate import AFTER, BEFORE
from mdexp.stages.prepare import PREPARE
from mdexp.stages.score import SCORE
from mdexp.stages.train import TRAIN
from mdexp.stages.verify import VERIFY

TABLE = (PREPARE, EXTRACT, VERIFY, EXAMPLES, TRAIN, BEFORE, AFTER, SCORE)
