"""Constants for rows of all kinds."""

from collections.abc import Mapping

# Metadata of a field that files omit while it has its default.
OMITTED: Mapping[str, bool] = {"omitted": True}
# Suffix of the names of validation problems in metrics: "svamp/validation".
VALIDATION = "/validation"
