"""``python -m weakchaos`` is the command line."""

from weakchaos.cli import main

if __name__ == "__main__":
    main()
