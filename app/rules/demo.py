"""When a demo shop may be built, and when it may be wiped from inside the back office."""

from app.rules.refusals import RuleBroken, words


class DemoThere(RuleBroken):
    """There is a demo shop already."""

    code = "demo_there"
    message = words("演示数据已经在了。想重新做一份，请先清空：rouge demo --wipe")


class ShopInUse(RuleBroken):
    """Demo accounts have a known password: they must never stand beside real customers."""

    code = "shop_in_use"
    message = words(
        "这家店已经有真实的账号或顾客，不能再放演示数据（演示账号的密码是公开的）。"
        "想看演示，请换一个数据文件夹：ROUGE_DATA_DIR=demo-data rouge serve --demo-if-empty"
    )


class NoOwnOwner(RuleBroken):
    """Wiping takes the demo accounts away, the one that asks for it included."""

    code = "no_own_owner"
    message = words("清空会删掉所有演示账号。请先在“员工”里添加您自己的店主账号，用它登录后再清空。")


def check_build(*, has_demo: bool, has_own_people: bool) -> None:
    """Refuse a demo shop where it would do harm."""
    if has_demo:
        raise DemoThere
    if has_own_people:
        raise ShopInUse


def check_wipe_from_inside(*, has_own_owner: bool) -> None:
    """Refuse a wipe after which nobody could sign in."""
    if not has_own_owner:
        raise NoOwnOwner
