"""A quick question over HTTP."""

import urllib3

_QUICK = urllib3.Timeout(connect=0.5, read=3.0)


def status(url: str) -> int:
    """The status of a GET without retries and proxies, or 0 if nothing answers.

    Its connection is closed at once: the emulator waits for open ones before it stops, and may be killed meanwhile.
    """
    with urllib3.PoolManager(timeout=_QUICK, retries=False) as pool:
        try:
            return pool.request("GET", url).status
        except urllib3.exceptions.HTTPError:
            return 0
