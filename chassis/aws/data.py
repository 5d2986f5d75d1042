"""botocore's own data. As botocore keeps them, they are a tenth of a process's memory."""

import gzip
import json
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader


class LeanData(JSONFileLoader):
    """Reads plain dictionaries, and the list of endpoints without its services.

    The endpoint of a region follows from the model of a service. STS alone also has one without a region, which some
    profiles use. botocore itself keeps ordered dictionaries of 370 services.
    """

    def load_file(self, file_path: str) -> Any:
        """None if there is no such file. The path has no suffix."""
        for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
            if (path := Path(file_path + suffix)).is_file():
                with opened(path, "rb") as file:
                    return _lean(json.load(file))
        return None


def _lean(data: Any) -> Any:
    for partition in data.get("partitions", ()):
        services = partition.get("services", {})
        for name in services.keys() - {"sts"}:
            del services[name]
    return data
