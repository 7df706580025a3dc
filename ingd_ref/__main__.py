"""``python -m ingd_ref`` is ``ingd-ref``."""

from ingd_ref.cli import main

if __name__ == "__main__":
    main(prog_name="ingd-ref")
