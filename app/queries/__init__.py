"""READ: SELECT → frozen values. Nothing here writes."""
