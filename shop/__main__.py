"""The command `shop`, also as `python -m shop`."""

import sys


def main() -> int:
    """Loading the commands takes a second, in which Ctrl-C ends as quietly as later."""
    try:
        from shop import cli  # noqa: PLC0415 see above

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
