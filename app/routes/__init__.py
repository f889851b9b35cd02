"""HTTP only: parse, one query or one action, render. Every route names who may use it (see `deps.py`)."""
