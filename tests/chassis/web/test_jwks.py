"""Keys of an issuer: which are used, and how often they are fetched."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec

from chassis.core.errors import Unavailable
from chassis.web.jwks import LIFETIME, PAUSE, Jwks, Keys, fetcher, parse
from tests import tokens

ONE, TWO = parse(tokens.jwks(tokens.jwk(tokens.ec_key(), "1"))), parse(tokens.jwks(tokens.jwk(tokens.ec_key(), "2")))


class Issuer:
    """Counts fetches. `down` makes them fail."""

    def __init__(self) -> None:
        self.now, self.fetches, self.down, self.keys = 0.0, 0, False, ONE
        self.jwks = Jwks(self.fetch, lambda: self.now)

    def fetch(self) -> Keys:
        self.fetches += 1
        if self.down:
            raise urllib3.exceptions.HTTPError("no answer")
        return self.keys


def test_known_key_is_fetched_once() -> None:
    issuer = Issuer()
    assert [issuer.jwks.find("1") for _ in range(3)] == [ONE["1"]] * 3
    assert issuer.fetches == 1


def test_unknown_key_ids_cause_at_most_one_fetch_per_pause() -> None:
    issuer = Issuer()
    assert [issuer.jwks.find(f"unknown-{n}") for n in range(100)] == [None] * 100
    assert issuer.fetches == 1
    issuer.now += PAUSE
    assert [issuer.jwks.find(f"unknown-{n}") for n in range(100)] == [None] * 100
    assert issuer.fetches == 2


def test_new_key_of_the_issuer_is_found_after_a_pause() -> None:
    issuer = Issuer()
    issuer.jwks.find("1")
    issuer.keys, issuer.now = TWO, PAUSE
    assert issuer.jwks.find("2") == TWO["2"]


def test_removed_key_stops_working_after_the_lifetime() -> None:
    issuer = Issuer()
    issuer.jwks.find("1")
    issuer.keys, issuer.now = TWO, LIFETIME - 1
    assert issuer.jwks.find("1") == ONE["1"]
    issuer.now = LIFETIME
    assert issuer.jwks.find("1") is None


def test_outage_is_unavailable_and_the_next_fetch_waits_for_the_pause() -> None:
    issuer = Issuer()
    issuer.down = True
    for _ in range(3):
        with pytest.raises(Unavailable, match="cannot be fetched"):
            issuer.jwks.find("1")
    assert issuer.fetches == 1
    issuer.down, issuer.now = False, PAUSE
    assert issuer.jwks.find("1") == ONE["1"]


def test_cached_keys_work_during_an_outage_and_unknown_ones_are_unavailable() -> None:
    issuer = Issuer()
    issuer.jwks.find("1")
    issuer.down, issuer.now = True, 100 * LIFETIME
    assert issuer.jwks.find("1") == ONE["1"]
    with pytest.raises(Unavailable):
        issuer.jwks.find("2")
    assert issuer.fetches == 2


def test_threads_that_need_keys_share_one_fetch_and_a_cached_key_does_not_wait_for_it() -> None:
    issuer, begun, go_on = Issuer(), threading.Event(), threading.Event()

    def slow() -> Keys:
        begun.set()
        assert go_on.wait(30)
        return issuer.fetch()

    jwks = Jwks(slow, lambda: issuer.now)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(jwks.find("1"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (found, issuer.fetches) == ([ONE["1"]] * 5, 1)

    begun.clear()
    go_on.clear()
    issuer.now = LIFETIME
    refreshing = threading.Thread(target=jwks.find, args=["1"])
    refreshing.start()
    assert begun.wait(30)
    assert jwks.find("1") == ONE["1"]  # and does not wait for the other thread
    go_on.set()
    refreshing.join()


@pytest.mark.parametrize("members", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct", "k": "c2VjcmV0"}])
def test_keys_for_another_use_or_algorithm_are_ignored(members: dict[str, str]) -> None:
    assert list(parse(tokens.jwks(tokens.jwk(tokens.rsa_key(), "other", **members), tokens.jwk(tokens.ec_key())))) == [
        tokens.KEY_ID
    ]


def test_key_of_another_curve_is_ignored() -> None:
    other = tokens.jwk(ec.generate_private_key(ec.SECP384R1()), "other")
    assert list(parse(tokens.jwks(other, tokens.jwk(tokens.rsa_key())))) == [tokens.KEY_ID]


NO_KEY_SETS = {
    "empty": "",
    "cut": "{",
    "a list": "[]",
    "no keys": "{}",
    "keys that are no list": '{"keys": 1}',
    "a key that is no object": '{"keys": [1]}',
    "an empty list": '{"keys": []}',
    "a key without its numbers": '{"keys": [{"kty": "RSA", "kid": "1"}]}',
    "an id that is a list": tokens.jwks({**tokens.jwk(tokens.ec_key()), "kid": ["1"]}),
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", NO_KEY_SETS)
def test_what_is_no_key_set_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        parse(NO_KEY_SETS[name])


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response({"/moved": 302, "/broken": 500}.get(self.path, 200))
            self.send_header("Location", "/jwks")
            self.end_headers()
            self.wfile.write(b"{}" if self.path == "/empty" else tokens.jwks().encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_keys_are_fetched_over_http(server: HTTPServer) -> None:
    keys = Jwks(fetcher(f"http://127.0.0.1:{server.server_port}/jwks"))
    assert keys.find(tokens.KEY_ID) is not None


@pytest.mark.parametrize("path", ["/moved", "/broken", "/empty"])
def test_other_answers_are_an_outage(server: HTTPServer, path: str) -> None:
    keys = Jwks(fetcher(f"http://127.0.0.1:{server.server_port}{path}"))
    with pytest.raises(Unavailable):
        keys.find(tokens.KEY_ID)


def test_no_answer_is_an_outage() -> None:
    with pytest.raises(Unavailable):
        Jwks(fetcher("http://127.0.0.1:1/jwks")).find("1")
