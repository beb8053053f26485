"""`python -m gateway` is `crosspoint`."""

from gateway.cli import main

main()
