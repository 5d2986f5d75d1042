"""The one error of this package: a clear line for the person at the terminal."""


class ShopError(Exception):
    """Its text is shown alone, without a traceback, and says what to do next."""
