"""`python -m app.cli` is `arpad`."""

from app.cli import main

main()
