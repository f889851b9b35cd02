"""What a password must be."""

import pytest

from app.rules.passwords import (
    COMMON,
    SHORTEST,
    PasswordCommon,
    PasswordTellsName,
    PasswordTooLong,
    PasswordTooShort,
    check_password,
)
from app.rules.refusals import RuleBroken

KNOWN = ("xiaoli", "李梅", "胭脂美妆")


@pytest.mark.parametrize(
    "password",
    ["violet-harbor", "abcdefghij12", "春天的风吹过老城墙和石桥", "a b c d e f g", "V9!x" * 50],
)
def test_long_and_unknown_is_enough(password: str) -> None:
    check_password(password, known=KNOWN)


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("", PasswordTooShort),
        ("kV9!xQ2#pL7", PasswordTooShort),
        ("k" + "V9!x" * 50, PasswordTooLong),
        ("Password1234", PasswordCommon),
        ("woaini1314520", PasswordCommon),
        ("888888888888", PasswordCommon),
        ("ababababababab", PasswordCommon),
        ("234567890123", PasswordCommon),
        ("lkjhgfdsapoiuytrewq", PasswordCommon),
        ("qwertyuiopas", PasswordCommon),
        ("my-XiaoLi-2026", PasswordTellsName),
        ("李梅的密码很长很长很长", PasswordTooShort),
        ("李梅的密码很长很长很长的", PasswordTellsName),
        ("胭脂美妆二零二六年十一月", PasswordTellsName),
    ],
)
def test_what_is_guessed_first_is_refused_with_words(password: str, refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal) as caught:
        check_password(password, known=KNOWN)
    assert caught.value.field == "password"
    sentence = caught.value.say(str)
    assert "密码" in sentence
    assert "{" not in sentence
    assert not password or password not in sentence


def test_the_length_counts_characters_not_bytes() -> None:
    with pytest.raises(PasswordTooShort):
        check_password("春夏秋冬春夏秋冬东南西")
    check_password("春夏秋冬梅兰竹菊东南西北")


@pytest.mark.parametrize("known", ["", "li", "a", "  ", "王"])
def test_a_name_of_a_letter_or_two_says_nothing(known: str) -> None:
    check_password("alice-und-das-王-licht", known=(known,))


def test_the_list_holds_only_what_the_length_lets_through() -> None:
    assert all(len(password) >= SHORTEST and password == password.casefold() for password in COMMON)
