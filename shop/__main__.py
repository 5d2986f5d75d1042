"""`python -m shop run|dev|status|logs|stop|reset|demo`: what the Makefile calls."""

import sys

MINIMUM = (3, 11)


def main(arguments: list) -> int:  # type: ignore[type-arg]  # readable for the Pythons it refuses
    if sys.version_info < MINIMUM:
        sys.exit(f"Shopwire needs Python 3.11 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}.")
    try:
        from shop import cli  # noqa: PLC0415 only after the check above, and where a missing package can be explained
    except ModuleNotFoundError as missing:
        sys.exit(f"The package '{missing.name}' is missing: run `make install` first.")
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
