"""Adds the demo catalogue: `python -m services.product.seed`. Existing products stay unchanged."""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from chassis.aws.emulator import is_emulator
from chassis.core.deadline import backoff
from chassis.core.errors import Conflict, Misconfigured, Unavailable
from services.product.models import Product
from services.product.service import ProductService
from services.product.wiring import Wiring

MAX_ATTEMPTS = 5
NAMESPACE = uuid.UUID("5b0e1d0a-6a53-4a3c-9a86-3f6d4f6a5c11")
CATALOGUE = {
    "Phone": [("IPhone X", "950.00"), ("Samsung 10", "870.00"), ("Pixel 9", "799.00"), ("Fairphone 5", "699.00")],
    "Laptop": [("ThinkPad X1", "1849.90"), ("MacBook Air", "1199.00"), ("Framework 13", "1049.00")],
    "Camera": [("Canon R6", "2199.00"), ("Sony A7", "1998.50"), ("GoPro Hero", "399.99")],
    "Audio": [("AirPods Pro", "249.00"), ("Sony WH-1000XM5", "349.90"), ("Sonos One", "219.00")],
    "Home": [("Espresso Machine", "479.00"), ("Robot Vacuum", "329.50"), ("Air Purifier", "189.99")],
    "Book": [
        ("Designing Data-Intensive Applications", "44.99"),
        ("Building Microservices", "39.90"),
        ("Enterprise Integration Patterns", "54.10"),
        ("The Phoenix Project", "19.95"),
    ],
    "Accessory": [("USB-C Cable", "9.90"), ("Phone Case", "14.50"), ("Sticker", "0.10")],
}  # fmt: skip


def catalogue() -> list[Product]:
    """The demo products. They have the same IDs on every machine, so that examples can use them."""
    return [
        Product(
            id=str(uuid.uuid5(NAMESPACE, name)),
            name=name,
            description=f"{name}, from the demo catalogue.",
            imageFile=f"{name.lower().replace(' ', '-')}.png",
            category=category,
            price=Decimal(price),
            version=1,
        )
        for category, products in CATALOGUE.items()
        for name, price in products
    ]


def seed(service: ProductService) -> tuple[int, int]:
    """Returns how many products were added and how many existed already."""
    added = [_add(service, product) for product in catalogue()]
    return added.count(True), added.count(False)


def seed_with_retries(service: ProductService, wait: Callable[[float], None] = time.sleep) -> tuple[int, int]:
    """Calls `seed` up to five times, because an emulator that has just started may not answer at once."""
    for failures in range(1, MAX_ATTEMPTS):
        try:
            return seed(service)
        except Unavailable as error:
            print(f"seed: {error.detail} Trying again.", file=sys.stderr)
            wait(backoff(failures, first=1, longest=8))
    return seed(service)


def _add(service: ProductService, product: Product) -> bool:
    try:
        service.add(product)
    except Conflict:
        return False
    return True


def main(arguments: Sequence[str], env: Mapping[str, str], wait: Callable[[float], None] = time.sleep) -> int:
    options = _parser().parse_args(arguments)
    try:
        wiring = Wiring(env)
        if not options.really_aws and not is_emulator(wiring.clients.of("dynamodb")):
            print("seed: the endpoint is no emulator or does not answer. Use --really-aws to load the data anyway.")
            return 0 if options.only_emulator else 2
        added, present = seed_with_retries(wiring.service(wiring.publish_now), wait)
    except Misconfigured as error:
        print(f"seed: {error}", file=sys.stderr)
        return 1
    except Unavailable as error:
        print(f"seed: {error.detail} Check that the shop is deployed: `python -m bootstrap status`", file=sys.stderr)
        return 1
    print(f"seed: {added} products added, {present} were there")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.product.seed", description=__doc__)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--really-aws", action="store_true", help="load the demo data also into real AWS")
    where.add_argument("--only-emulator", action="store_true", help="load nothing elsewhere, and exit with 0")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
