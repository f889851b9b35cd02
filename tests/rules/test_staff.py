"""What a login and a name look like."""

import pytest

from app.rules.staff import LoginWrong, NameWrong, ShopNameWrong, login_of, name_of, shop_name_of


@pytest.mark.parametrize(
    ("typed", "login"),
    [
        (" Boss ", "boss"),
        ("xiao.li-2", "xiao.li-2"),
        ("li@shop", "li@shop"),
        ("王姐", "王姐"),
        ("ab", "ab"),
        ("a" * 40, "a" * 40),
    ],
)
def test_a_login_is_kept_without_case_and_outer_spaces(typed: str, login: str) -> None:
    assert login_of(typed) == login


@pytest.mark.parametrize("typed", ["", " ", "a", "a" * 41, "two words", "tab\tbed", "null\x00byte", "a/b", "😀😀"])
def test_what_is_no_login_is_refused_beside_its_field(typed: str) -> None:
    with pytest.raises(LoginWrong) as caught:
        login_of(typed)
    assert caught.value.field == "login"


@pytest.mark.parametrize(("typed", "name"), [("  王  姐 ", "王 姐"), ("𡃁喆", "𡃁喆"), ("a" * 40, "a" * 40)])
def test_a_name_stands_on_one_line(typed: str, name: str) -> None:
    assert name_of(typed) == name


@pytest.mark.parametrize("typed", ["", " \n ", "a" * 41, "a\x00b"])
def test_no_name_is_refused(typed: str) -> None:
    with pytest.raises(NameWrong):
        name_of(typed)


@pytest.mark.parametrize(("typed", "fits"), [("胭脂", True), ("店" * 80, True), ("店" * 81, False), ("", False)])
def test_a_shop_has_a_name_customers_can_read(typed: str, fits: bool) -> None:
    if fits:
        assert shop_name_of(typed) == typed
    else:
        with pytest.raises(ShopNameWrong):
            shop_name_of(typed)
