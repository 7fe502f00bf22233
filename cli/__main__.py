"""``python -m cli`` is ``gas``."""

from cli.main import main

main()
