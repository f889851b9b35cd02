"""`python -m app.cli` is `rouge`."""

from app.cli import main

main()
