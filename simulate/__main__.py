"""Runs all scenarios and renews docs/scale.md, its picture and docs/costs.md: `make simulate`."""

from docs.generate import filled
from shop.settings import ROOT
from simulate import costs, picture, report

PAGE = ROOT / "docs" / "scale.md"
COSTS = ROOT / "docs" / "costs.md"


def main() -> None:
    found = report.section()
    print(found)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    COSTS.write_text(filled(COSTS.read_text(encoding="utf-8"), costs.section()), encoding="utf-8")
    PAGE.with_suffix(".svg").write_text(picture.draw(report.pictured(), report.PICTURED), encoding="utf-8")


if __name__ == "__main__":
    main()
