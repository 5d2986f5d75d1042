"""The mutants: each breaks one promise, and the test named for the promise must fail."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """`old` stands once in `file` and is replaced by `new`. `test` must pass before and fail after."""

    name: str
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant(
        "the order's condition is dropped",
        "services/ordering/store.py",
        '                ConditionExpression="attribute_not_exists(orderId)",\n',
        "",
        "tests/ordering/test_store.py::test_same_order_is_recognised_after_its_status_changed",
    ),
    Mutant(
        "messages are deleted before the orders are written",
        "chassis/messaging/queue.py",
        "                must_check = _acknowledge(",
        "                queue.delete(records)\n                must_check = _acknowledge(",
        "tests/chassis/messaging/test_queue.py::test_handled_messages_are_deleted_and_failed_ones_backed_off",
    ),
    Mutant(
        "refused entries of a publish count as taken",
        "chassis/messaging/bus.py",
        'return [event for event, result in results if "EventId" in result]',
        "return [event for event, _ in results]",
        "tests/chassis/messaging/test_bus.py::test_publish_returns_only_accepted_events[3]",
    ),
    Mutant(
        "a delete's failures are not read",
        "chassis/messaging/queue.py",
        'for failure in answer.get("Failed", [])]',
        "for failure in ()]",
        "tests/chassis/messaging/test_queue.py::test_failed_deletes_are_retried",
    ),
    Mutant(
        "the receipt is read before the basket",
        "services/basket/service.py",
        "                found = self._baskets.get(request.userName)\n"
        "                if attempt and (earlier := self._earlier_receipt(request, order)):",
        "                earlier = self._earlier_receipt(request, order) if attempt else None\n"
        "                found = self._baskets.get(request.userName)\n"
        "                if earlier:",
        "tests/basket/test_service.py::test_commit_that_takes_effect_during_the_second_attempt_is_found[None-0]",
    ),
    Mutant(
        "an error is reported although the key has a receipt",
        "services/basket/service.py",
        "                    if key and (earlier := self._earlier_receipt(request, order)):",
        "                    if not key and (earlier := self._earlier_receipt(request, order)):",
        "tests/basket/test_service.py::test_repeated_key_is_recognised_before_an_error_is_reported[no basket]",
    ),
    Mutant(
        "each attempt of a checkout gets an order id of its own",
        "services/basket/service.py",
        "                found = self._baskets.get(request.userName)",
        "                order = order._replace(order_id=self._new_id())\n"
        "                found = self._baskets.get(request.userName)",
        "tests/basket/test_service.py::test_database_failure_in_the_commit_is_an_unknown_outcome_with_the_order_id",
    ),
    Mutant(
        "an order's content is not compared",
        "services/ordering/store.py",
        'if old_item(error).get("contentHash") != content_hash:',
        "if not old_item(error):",
        "tests/ordering/test_store.py::test_different_content_with_the_same_id_is_a_conflict",
    ),
    Mutant(
        "a basket's version is a counter",
        "services/basket/service.py",
        ".written_as(self._new_id())",
        '.written_as(str(int((found and found.version) or "0") + 1))',
        "tests/basket/test_service.py::test_basket_filled_again_is_not_mistaken_for_the_old_one",
    ),
    Mutant(
        "the event is published before the transaction",
        "services/basket/service.py",
        "                if attempts.write(partial(self._baskets.commit",
        "                self._publish(event)\n                if attempts.write(partial(self._baskets.commit",
        "tests/basket/test_service.py::test_checkout_ends_at_its_deadline",
    ),
    Mutant(
        "SIGTERM is ignored",
        "chassis/messaging/process.py",
        "signal.signal(signum, self._on_signal)",
        "signal.signal(signum, self._on_signal if signum == signal.SIGINT else signal.SIG_IGN)",
        "tests/chassis/messaging/test_process.py::test_signal_does_not_interrupt_work",
    ),
)
