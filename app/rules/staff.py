"""Accounts of the people who work here: what a login and a name look like, and what must not happen to owners."""

from app.rules.refusals import NotFound, RuleBroken, words

NAME_MAX = 40
LOGIN_MAX = 40
SHOP_NAME_MAX = 80


class OwnerExists(RuleBroken):
    """The first set-up has been done."""

    code = "owner_exists"
    message = words("这家店已经有店主账号了，请直接登录。要给同事开账号，请店主在后台的“员工”里添加。")
    status = 409


class LastOwner(RuleBroken):
    """Without an owner nobody could manage accounts any more."""

    code = "last_owner"
    message = words("这是最后一个店主账号，不能停用，也不能改成别的角色。请先设另一位店主。")
    status = 409


class LoginTaken(RuleBroken):
    """Somebody has this login."""

    code = "login_taken"
    message = words("登录名“{login}”已有人用，请换一个。")
    status = 409


class LoginUnknown(NotFound):
    """No account has this login."""

    code = "login_unknown"
    message = words("没有登录名是“{login}”的账号。")


class LoginWrong(RuleBroken):
    """Not usable as a login."""

    code = "login_wrong"
    message = words("登录名要 2 到 40 个字，只用文字、数字和 . _ - @，不留空格。")


class NameWrong(RuleBroken):
    """An account is a person's."""

    code = "name_wrong"
    message = words("请填姓名，最多 {most} 个字。")


class ShopNameWrong(RuleBroken):
    """Customers see it on every page and card."""

    code = "shop_name_wrong"
    message = words("请填店名，最多 {most} 个字。")


def login_of(text: str) -> str:
    """A login as it is kept and compared: without case and outer spaces. Raises LoginWrong."""
    login = text.strip().casefold()
    if not 2 <= len(login) <= LOGIN_MAX or not all(letter.isalnum() or letter in "._-@" for letter in login):
        raise LoginWrong("login")
    return login


def name_of(text: str) -> str:
    """A person's name on one line. Raises NameWrong."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise NameWrong("name", most=NAME_MAX)
    return name


def shop_name_of(text: str) -> str:
    """The shop's name on one line. Raises ShopNameWrong."""
    name = " ".join(text.split())
    if not name or len(name) > SHOP_NAME_MAX or not name.isprintable():
        raise ShopNameWrong("shop_name", most=SHOP_NAME_MAX)
    return name
