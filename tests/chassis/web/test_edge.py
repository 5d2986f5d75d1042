"""The settings that every web process reads."""

from chassis.web.edge import Edge
from chassis.web.limits import Rate
from tests import tokens


def test_without_further_settings_an_edge_only_verifies_tokens() -> None:
    edge = Edge.from_env(tokens.env())
    assert edge.verify is not None
    assert (edge.origins, edge.rate) == (frozenset(), None)
    assert not edge.proxies.trusts("127.0.0.1")


def test_settings_reach_the_edge() -> None:
    edge = Edge.from_env(
        {
            "SHOP_AUTH": "off",
            "SHOP_CORS_ORIGINS": "http://localhost:5173",
            "SHOP_TRUSTED_PROXIES": "10.1.1.1",
            "SHOP_RATE_LIMIT": "5/s",
        }
    )
    assert edge.origins == {"http://localhost:5173"}
    assert edge.proxies.trusts("10.1.1.1")
    assert edge.rate == Rate(5, 1)
