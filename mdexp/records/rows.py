"""What rows of all kinds have in common."""

from collections.abc import Mapping

# Of a field: left out of a row of a file while it has its default.
OMITTED: Mapping[str, bool] = {"omitted": True}
# Ends the name under which metrics tell of validation problems: of "svamp", "svamp/validation".
VALIDATION = "/validation"
