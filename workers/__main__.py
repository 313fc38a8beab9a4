"""Sets the process up before anything is read in: `adquem`, and `python -m workers`."""

import gc


def main() -> None:
    # What is read in at the start stays: looking through it for garbage took a sixth of the start.
    gc.set_threshold(100_000, 20, 20)
    from workers import line

    line.main()


if __name__ == "__main__":
    main()
