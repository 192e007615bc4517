"""``python -m ml`` is the console script ``cross-sell``."""

from ml.cli import main

if __name__ == "__main__":
    main()
