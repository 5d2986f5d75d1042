"""Writes bootstrap/lambdas/*.yaml, the functions of each service, from the manifests. `make docs` renews them."""

from pathlib import Path

from bootstrap.manifests import Manifest, manifests
from docs.places import filled
from shop.settings import ROOT

FOLDER = ROOT / "bootstrap" / "lambdas"


def templates() -> dict[Path, str]:
    """The text of each file."""
    return {FOLDER / f"{each.service}.yaml": _template(each) for each in manifests()}


def _template(manifest: Manifest) -> str:
    return filled(
        "functions.yaml.j2",
        service=manifest.service,
        processes=manifest.process,
        web=next((process for process in manifest.process if process.serve), None),
        workers=[process for process in manifest.process if process.run],
        parameter_of=lambda setting: setting.title().replace("_", ""),
    )
