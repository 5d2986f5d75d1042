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
    Mutant(
        "stock reads the reservation only after a lost race",
        "services/stock/service.py",
        "if (missing or attempt) and self._is_reserved(",
        "if attempt and self._is_reserved(",
        "tests/stock/test_service.py::test_repeated_command_reserves_once",
    ),
    Mutant(
        "a release that overtakes its reservation leaves no trace",
        "services/stock/service.py",
        "                return Reservation.released_unseen(command.orderId, command.userName, now)",
        "                return None",
        "tests/stock/test_service.py::test_release_that_overtakes_the_reservation_closes_it[3]",
    ),
    Mutant(
        "pieces are taken although there are too few",
        "services/stock/store.py",
        '            "ConditionExpression": "#from >= :count",\n',
        "",
        "tests/stock/test_store.py::test_nothing_is_written_if_pieces_are_missing",
    ),
    Mutant(
        "a level whose answer was lost is set again",
        "services/stock/service.py",
        "if found and current == revision:",
        "if not found and current == revision:",
        "tests/stock/test_service.py::test_level_whose_answer_was_lost_is_not_set_again_over_a_reservation[tea]",
    ),
    Mutant(
        "a step names a state that does not exist",
        "services/ordering/template.yaml",
        '"Next": "Release stock"',
        '"Next": "Release the stock"',
        "tests/ordering/test_state_machine.py::test_every_next_state_exists_and_every_state_is_reached",
    ),
    Mutant(
        "a silent stock ends the saga without a decision",
        "services/ordering/template.yaml",
        '"Next": "Stock is silent"}',
        '"Next": "Failed"}',
        "tests/ordering/test_state_machine.py::test_every_next_state_exists_and_every_state_is_reached",
    ),
    Mutant(
        "stock is released before the payment is void",
        "services/ordering/template.yaml",
        '"Default": "Void payment"',
        '"Default": "Release stock"',
        "tests/ordering/test_state_machine.py::test_what_was_begun_is_undone_or_confirmed_or_left_to_the_sweep",
    ),
    Mutant(
        "a declined payment is undone before ordering has decided",
        "services/ordering/template.yaml",
        '"PAYMENT_VOIDED"], "ResultPath": "$.failure", "Next": "Reject order"}',
        '"PAYMENT_VOIDED"], "ResultPath": "$.failure", "Next": "Void payment"}',
        "tests/ordering/test_state_machine.py::test_orders_are_undone_only_after_ordering_has_decided",
    ),
    Mutant(
        "the state machine may send to every queue",
        "services/ordering/template.yaml",
        "                  - !Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Shop}-payment",
        "                  - !Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:*",
        "tests/bootstrap/test_resources.py::test_the_state_machine_may_send_to_the_queues_that_it_names_and_do_nothing_else",
    ),
    Mutant(
        "any role of the account may send commands",
        "services/ordering/template.yaml",
        "              ArnEquals:\n                aws:PrincipalArn:",
        "              ArnNotEquals:\n                aws:PrincipalArn:",
        "tests/bootstrap/test_senders.py::test_who_feeds_a_queue_or_a_topic_may_send_to_it_and_nobody_else",
    ),
    Mutant(
        "the machine ends before its steps",
        "services/ordering/template.yaml",
        '"TimeoutSeconds": 900,',
        '"TimeoutSeconds": 300,',
        "tests/ordering/test_state_machine.py::test_the_whole_machine_outlasts_all_its_steps_even_with_the_longest_timeout",
    ),
    Mutant(
        "every user reads every basket",
        "chassis/web/access.py",
        "if _owner() != g.principal.user:",
        "if _owner() is None:",
        "tests/chassis/web/test_access.py::test_operation_of_a_user_admits_the_owner_and_admins[other]",
    ),
    Mutant(
        "an operation without a rule is open",
        "chassis/web/access.py",
        'getattr(operation, "security", None) or ADMIN',
        'getattr(operation, "security", None) or OPEN',
        "tests/chassis/web/test_access.py::test_operation_of_admins_or_without_a_documented_rule_admits_only_admins[/sample/undeclared]",
    ),
    Mutant(
        "tokens for another client are accepted",
        "chassis/web/verifier.py",
        "            _check_audience(claims, self._audience)\n",
        "",
        "tests/chassis/web/test_auth.py::test_wrong_claims_are_refused_with_the_reason[other client]",
    ),
    Mutant(
        "an order is confirmed although its cancellation is decided",
        "services/ordering/lifecycle.py",
        "    (Step.CONFIRM, Status.PLACED): Status.CONFIRMED,\n",
        "    (Step.CONFIRM, Status.PLACED): Status.CONFIRMED,\n"
        "    (Step.CONFIRM, Status.CANCELLING): Status.CONFIRMED,\n",
        "tests/ordering/test_races.py::test_confirmation_and_cancellation_at_once_both_see_what_was_decided[cancel]",
    ),
    Mutant(
        "a change of an order has no condition on its attempt",
        "services/ordering/store.py",
        'include={"orderVersion", "attempt"}',
        'include={"orderVersion"}',
        "tests/ordering/test_store.py::test_change_of_an_order_whose_attempt_has_changed_is_not_written",
    ),
    Mutant(
        "a sweep starts executions of orders that changed in between",
        "services/ordering/sweep.py",
        "        if self._orders.save(renewed, order, None):\n            with",
        "        if self._orders.save(renewed, order, None) is not None:\n            with",
        "tests/ordering/test_sweep.py::test_sweep_that_lost_to_a_cancellation_starts_nothing",
    ),
    Mutant(
        "an order whose saga cannot be started is not placed",
        "services/ordering/fulfilment.py",
        "except Exception as error:",
        "except KeyError as error:",
        "tests/ordering/test_service.py::test_order_is_placed_while_step_functions_does_not_answer",
    ),
    Mutant(
        "a call to AWS inherits what was unknown about an earlier one",
        "chassis/aws/fast/operations.py",
        "context = {**known.context}",
        "context: Any = known.context",
        "tests/chassis/aws/fast/test_operations.py::test_each_call_has_its_own_context",
    ),
    Mutant(
        "a key that boto3 refuses is stored as text",
        "chassis/aws/fast/shapes.py",
        "if not all(type(name) is str for name in given):",
        "if None in given:",
        "tests/chassis/aws/fast/test_operations.py::test_a_key_that_is_no_text_is_rejected",
    ),
    Mutant(
        "a consumer that refuses everything empties its queue",
        "chassis/messaging/brake.py",
        "return self._count() > 0",
        "return False",
        "tests/chassis/messaging/test_brake.py::test_bad_deployment_dead_letters_a_few_messages_and_keeps_the_rest[1]",
    ),
    Mutant(
        "one bad message puts the brake on",
        "chassis/messaging/brake.py",
        "LEAST = 5",
        "LEAST = 1",
        "tests/chassis/messaging/test_brake.py::test_one_bad_message_alone_is_dead_lettered_at_once",
    ),
    Mutant(
        "a form of another site is accepted",
        "services/storefront/app.py",
        '    "WTF_CSRF_TIME_LIMIT": None,',
        '    "WTF_CSRF_ENABLED": False,',
        "tests/storefront/test_security.py::test_every_route_that_changes_something_needs_a_token",
    ),
    Mutant(
        "a form that is sent twice places two orders",
        "services/storefront/service.py",
        '{"Idempotency-Key": purchase.key}',
        "{}",
        "tests/storefront/test_pages.py::test_each_checkout_page_has_another_key_and_a_repeated_form_the_same",
    ),
    Mutant(
        "a stream begins anew instead of going on",
        "shop/room/ring.py",
        "int(text) if own == self._own and text.isdecimal() else 0",
        "0",
        "tests/shop/room/test_ring.py::test_a_stream_goes_on_after_its_last_event",
    ),
    Mutant(
        "the machine room answers under another host name",
        "shop/room/app.py",
        ".hostname not in HOSTS:",
        ".hostname is None:",
        "tests/shop/room/test_app.py::test_another_host_name_is_refused_because_it_may_be_dns_rebinding[/room-evil.test]",
    ),
    Mutant(
        "the books count no checkout as lost",
        "shop/room/books.py",
        "len(rest) - moving)",
        "0)",
        "tests/shop/room/test_books.py::test_a_checkout_that_is_nowhere_is_lost",
    ),
)
