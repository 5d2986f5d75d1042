from shop.doctor.findings import bad, good


def test_a_good_finding_is_one_line() -> None:
    assert str(good("stack", "shop is there")) == "✓ stack        shop is there"


def test_a_bad_finding_says_what_to_do() -> None:
    assert str(bad("stack", "shop is not there", "make it")).splitlines() == [
        "✗ stack        shop is not there",
        "               → make it",
    ]
