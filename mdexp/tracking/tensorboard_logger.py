"""TensorBoard, in the folder `tensorboard` of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import RunIdentity
from mdexp.tracking.feeds import final_numbers
from mdexp.tracking.tables import COLUMNS, CURVE_COLUMNS, generation_rows, markdown

if TYPE_CHECKING:
    from pytorch_lightning.loggers import TensorBoardLogger as LightningLogger

FOLDER = "tensorboard"
MAX_ROWS = 1_000  # of a table of texts


class LoggerUnavailable(ValueError):
    """A logger was asked for that is not installed; the message says how to get it."""


class TensorBoardRun:
    """A run in TensorBoard."""

    last_step = -1

    def __init__(self, run: RunIdentity) -> None:
        self._folder, self._config = run.folder, run.config

    def lightning(self) -> "LightningLogger":
        from pytorch_lightning.loggers import TensorBoardLogger

        # default_hp_metric would draw an accuracy of -1.
        return TensorBoardLogger(self._folder, name="", version=FOLDER, default_hp_metric=False)

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        if numbers := final_numbers(metrics or {}):
            logger = self.lightning()
            logger.log_hyperparams(dict(self._config))
            logger.log_metrics(numbers, 0)
            if rows := generation_rows(self._folder, MAX_ROWS, "TensorBoard"):
                logger.experiment.add_text("generations", markdown(COLUMNS, rows))
            logger.finalize("success")


class TensorBoardLogger(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def start(self, run: RunIdentity) -> TensorBoardRun:
        """LoggerUnavailable without the package tensorboard."""
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError as error:
            raise LoggerUnavailable(
                'logger=tensorboard needs tensorboard: pip install "mdexp[tensorboard]", '
                "or choose logger=csv"
            ) from error
        return TensorBoardRun(run)

    def log_sweep(self, folder: Path, page: Path, curves: Sequence[Sequence[Any]]) -> None:
        """A table of the sweep's accuracies; the jobs below the folder are shown side by side."""
        if not curves:
            return
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(folder / FOLDER)) as writer:
            writer.add_text("curves", markdown(CURVE_COLUMNS, curves))
