"""All stages that write to the store, in the order of a run.

    prepare -> extract -> verify -> examples -> train -> before, after -> score -> (report)

A later round has the stages own and choose after verify. A run with a scorer has the stages harvest
and scorer after `train`, and weigh after `after`.

`convert` is not listed: it runs when the weights of a packed student are first needed.
"""

from mdexp.stages.choose import CHOOSE
from mdexp.stages.examples import EXAMPLES
from mdexp.stages.extract import EXTRACT
from mdexp.stages.generate import AFTER, BEFORE
from mdexp.stages.harvest import HARVEST
from mdexp.stages.own import OWN
from mdexp.stages.prepare import PREPARE
from mdexp.stages.score import SCORE
from mdexp.stages.scorer import SCORER, WEIGH
from mdexp.stages.stage import Stage
from mdexp.stages.train import TRAIN
from mdexp.stages.verify import VERIFY

TABLE = (
    *(PREPARE, EXTRACT, VERIFY, OWN, CHOOSE, EXAMPLES, TRAIN),
    *(BEFORE, HARVEST, SCORER, AFTER, WEIGH, SCORE),
)
# By name in the run folder: the stage that writes the file, and the file's name in the store.
WRITERS = {name: (stage, source) for stage in TABLE for source, name in stage.writes.items()}


def dependents(changed: Stage) -> set[str]:
    """The names of the stages whose output depends, directly or indirectly, on that of
    `changed`."""
    found = {changed.name}
    for stage in TABLE:
        names = (*stage.reads, *stage.reads_if_there, *stage.reads_by_choice)
        reads = {WRITERS[name][0].name for name in names}
        if reads & found or (stage.asks_trained_student and TRAIN.name in found):
            found.add(stage.name)
    return found - {changed.name}
