"""What is looked up at all."""

import secrets

import pytest

from app.rules.tokens import TOKEN_BYTES, fingerprint, scanned_token, well_formed


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        (lambda token: token, True),
        (lambda token: token[:-1], False),
        (lambda token: token + "x", False),
        (lambda token: token + "\n", False),
        (lambda token: token[:-1] + "é", False),
        (lambda token: token[:-1] + "=", False),
        (lambda token: token[:-1] + "\x00", False),
        (lambda token: "", False),
    ],
)
def test_only_a_whole_token_is_looked_up(change, accepted: bool) -> None:
    assert well_formed(change("a" * 31 + "-")) is accepted


def test_a_token_has_192_bits_and_two_of_them_never_share_a_fingerprint() -> None:
    one, other = secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES)
    assert TOKEN_BYTES * 8 >= 128
    assert well_formed(one)
    assert fingerprint(one) != fingerprint(other)


TOKEN = "aB3-_" + "x" * 27


@pytest.mark.parametrize(
    "text",
    [TOKEN, f" {TOKEN}\n", f"https://shop.example/card/{TOKEN}", f"/card/{TOKEN}.png", f"/card/{TOKEN}?lang=en#x"],
)
def test_a_scanner_types_a_cards_address_or_its_token(text: str) -> None:
    assert scanned_token(text) == TOKEN


@pytest.mark.parametrize(
    "text", ["", "王小丽", TOKEN[:-1], TOKEN + "x", f"https://shop.example/s/t/{TOKEN}", f"{TOKEN} x"]
)
def test_anything_else_is_no_card(text: str) -> None:
    assert scanned_token(text) == ""
