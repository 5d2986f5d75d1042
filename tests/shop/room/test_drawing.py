"""The map has every rule, and no box lies on another."""

from itertools import combinations, pairwise
from pathlib import Path

import pytest

from bootstrap import flows
from bootstrap.manifests import manifests
from bootstrap.names import Names
from bootstrap.templates import load
from shop.room import drawing
from shop.room.drawing import GAP, Box
from shop.room.nodes import NAME, NOTE, NOTES, PAD
from tests.bootstrap.template import resources_of
from tests.environment import ROOT
from tests.shop.room.rooms import FLOWS
from tests.stacks import tree

PICTURE = drawing.draw(FLOWS)
IDS = {box.node.id for box in PICTURE.boxes}


def overlap(one: Box, other: Box) -> bool:
    apart = one.right <= other.x or other.right <= one.x
    return not (apart or one.y + one.height <= other.y or other.y + other.height <= one.y)


def test_no_box_lies_on_another_or_outside_of_the_map() -> None:
    assert [(a.node.id, b.node.id) for a, b in combinations(PICTURE.boxes, 2) if overlap(a, b)] == []
    assert all(box.x >= 0 and box.right <= PICTURE.width for box in PICTURE.boxes)
    assert all(box.y >= 0 and box.y + box.height <= PICTURE.height for box in PICTURE.boxes)


def test_every_rule_queue_topic_and_outbox_of_the_templates_is_a_box() -> None:
    kinds = {"Events::Rule": "rule", "SQS::Queue": "queue", "SNS::Topic": "topic"}
    expected = set()
    for path in ROOT.glob("services/*/template.yaml"):
        for resource in resources_of(path).values():
            kind, its = kinds.get(resource["Type"].removeprefix("AWS::")), resource["Properties"]
            name = str(its.get("Name") or its.get("QueueName") or its.get("TopicName")).removeprefix("shop-")
            if kind:
                expected.add(f"{'dead' if name.endswith('-dlq') else kind}-{name}")
            elif str(its.get("TableName")).endswith("-outbox"):
                expected.add(f"outbox-{its['TableName'].removeprefix('shop-')}")
    assert len(expected) > 30
    assert expected <= IDS


def test_every_process_that_publishes_relays_or_consumes_is_a_box() -> None:
    workers = {process.name for manifest in manifests() for process in manifest.process if process.run}
    assert {name.partition("-")[2] for name in IDS if name.startswith(("relay-", "consumer-"))} == workers
    assert {"publisher-product", "publisher-basket", "publisher-ordering-commands", "saga-fulfil-order"} <= IDS


def test_new_rule_appears_on_the_map_by_itself(tmp_path: Path) -> None:
    root = tree(tmp_path, basket=lambda text: text.replace("${Shop}-product-changes", "${Shop}-a-new-rule"))
    drawn = drawing.draw(flows.read(load(Names("shop"), root), manifests()))
    assert "rule-a-new-rule" in {box.node.id for box in drawn.boxes}
    assert {"bus-bus--rule-a-new-rule", "rule-a-new-rule--queue-catalogue"} <= {line.id for line in drawn.lines}


def test_rule_with_a_target_that_is_no_queue_and_without_a_dead_letter_queue_is_drawn_too(tmp_path: Path) -> None:
    def changed(text: str) -> str:
        dead = "          DeadLetterConfig: { Arn: !GetAtt ProductChangesDeadLetterQueue.Arn }\n"
        assert dead in text
        return text.replace(dead, "").replace("Arn: !GetAtt CatalogueQueue.Arn", "Arn: !GetAtt Function.Arn")

    drawn = drawing.draw(flows.read(load(Names("shop"), tree(tmp_path, basket=changed)), manifests()))
    assert [line.id for line in drawn.lines if "rule-product-changes" in line.id] == ["bus-bus--rule-product-changes"]


def test_a_checkout_has_a_way_to_its_consumer_and_what_fails_to_a_dead_letter_queue() -> None:
    lines = {line.id for line in PICTURE.lines}
    way = ["publisher-basket", "outbox-basket-outbox", "relay-basket-relay", "bus-bus", "rule-checkout-basket"]
    way += [
        "queue-order",
        "consumer-ordering-consumer",
        "saga-fulfil-order",
        "queue-payment",
        "consumer-payment-consumer",
    ]
    assert {f"{one}--{other}" for one, other in pairwise(way)} <= lines
    assert {"rule-checkout-basket--dead-checkout-basket-dlq", "consumer-ordering-consumer--dead-order-dlq"} <= lines
    assert "topic-price-drops--queue-price-drops" in lines


def test_every_line_joins_two_boxes_and_is_there_once() -> None:
    ends = [tuple(line.id.split("--")) for line in PICTURE.lines]
    assert {end for pair in ends for end in pair} == IDS - {"queue-doctor"}
    assert len({*ends}) == len(ends)


def test_each_column_has_a_title_that_leaves_the_next_one_room() -> None:
    for one, other in pairwise(PICTURE.titles):
        assert one.x + len(one.text) * NOTE * 0.61 < other.x
    last = PICTURE.titles[-1]
    assert last.x + len(last.text) * NOTE * 0.61 <= PICTURE.width
    assert {title.x for title in PICTURE.titles} == {box.x for box in PICTURE.boxes}


@pytest.mark.parametrize("box", PICTURE.boxes, ids=lambda box: box.node.id)
def test_labels_are_within_their_box(box: Box) -> None:
    """The widest of common monospaced fonts has characters of 0.61 of its size."""
    notes = max(len(text) for text in (*NOTES[box.node.kind], *box.node.notes))
    assert max(len(box.node.name) * NAME, notes * NOTE) * 0.61 + 2 * PAD <= box.width
    assert box.height >= NAME + NOTE * box.node.lines + GAP
