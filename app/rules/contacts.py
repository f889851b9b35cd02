"""Ways to a customer that changed or lead nowhere."""

from app.rules.refusals import RuleBroken, words
from app.vocabulary import ContactKind

MARKABLE = (ContactKind.PHONE, ContactKind.EMAIL)
"""What can be found to lead nowhere: a call or a mail tells so by itself."""


class ContactIsEmpty(RuleBroken):
    """There is nothing to mark."""

    code = "contact_is_empty"
    message = words("档案里没有这个联系方式。")


class ContactAlreadyInvalid(RuleBroken):
    """Somebody has said so before."""

    code = "contact_already_invalid"
    message = words("已经标过联系不上了。")
    status = 409


class ContactWorks(RuleBroken):
    """Nobody said it did not."""

    code = "contact_works"
    message = words("这个联系方式没有标过联系不上。")
    status = 409


def masked_contact(contact: ContactKind, value: str) -> str:
    """What may be shown of an old WeChat id, mail address or address: the beginning."""
    if not value:
        return ""
    if contact is ContactKind.EMAIL:
        name, _, host = value.partition("@")
        return f"{name[:2]}***@{host}"
    return f"{value[:2]}***"
