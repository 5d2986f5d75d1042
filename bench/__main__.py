"""The benchmark: `make bench`, or with options `.venv-bench/bin/python -m bench --help`."""

import argparse
import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import load, picture, report
from bench.arms import CORES, ROOT, Arm, peers, shopwire
from bench.floors import FLOORS, below
from bench.measure import Bench, Plan, canned_aws
from bench.scenarios import NAMES, STARTS, WEB, WORKERS


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Compares Shopwire with naive shops.")
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout of Shopwire with its own .venv")
    parser.add_argument("--peer", metavar="COMMAND", help="another web server that knows GET /product/{id}, at {port}")
    parser.add_argument("--only", action="append", choices=NAMES, help="a scenario; may be repeated")
    parser.add_argument("--delay", type=float, default=4, help="milliseconds that each AWS call takes")
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench", help="folder of results, picture and logs")
    parser.add_argument("--check", action="store_true", help="only what has a floor; fail where a ratio is below it")
    return parser.parse_args()


def arms(given: argparse.Namespace) -> list[Arm]:
    found = [shopwire("Shopwire", ROOT), *peers()]
    if given.against:
        found.append(shopwire("Shopwire before", given.against.resolve()))
    if given.peer:
        found.append(Arm("another peer", Path.cwd(), {"product": given.peer.split()}, WEB[0].name))
    return found


def machine(given: argparse.Namespace) -> dict[str, Any]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="minutes"),
        "system": f"{platform.system()} {platform.machine()}, {len(CORES)} cores, Python {platform.python_version()}",
        "load": f"{load.generator()}, {load.CONNECTIONS} connections",
        "plan": f"{given.rounds} rounds of {given.seconds:g} s, each AWS call {given.delay:g} ms",
    }


def run(given: argparse.Namespace) -> dict[str, Any]:
    plan = Plan(given.delay / 1000, given.seconds, given.rounds, given.out.resolve())
    results: dict[str, Any] = machine(given) | {"scenarios": {}, "starts": {}}
    wanted = set(given.only or (FLOORS if given.check else NAMES))
    compared = arms(given)
    with canned_aws(sys.executable, plan.delay) as backend:
        bench = Bench(backend, plan)
        for web in (each for each in WEB if each.name in wanted):
            able = [arm for arm in compared if arm.knows(web.service, web.name)]
            results["scenarios"][web.name] = bench.web(web, able)
        for worker in (each for each in WORKERS if each.name in wanted):
            able = [arm for arm in compared if arm.knows(worker.kind, worker.name)]
            results["scenarios"][worker.name] = bench.worker(worker, able)
        for service in STARTS if "Start" in wanted else []:
            able = [arm for arm in compared if arm.knows(service, "Start")]
            results["starts"][service] = bench.starts(service, able)
    return results


def main() -> int:
    given = options()
    given.out.mkdir(parents=True, exist_ok=True)
    results = run(given)
    (given.out / "performance.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (given.out / "performance.svg").write_text(picture.draw(results), encoding="utf-8")
    print(*(f"{name}: {results[name]}" for name in ("system", "load", "plan")), sep="\n")
    print(report.tables(results), *report.warnings(results), sep="\n")
    failures = list(below(results)) if given.check else []
    print(*failures, sep="\n", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
