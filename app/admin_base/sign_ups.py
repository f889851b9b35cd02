"""What somebody with a known phone typed on the sign-up page, beside what her record says."""

from typing import Any

from app.admin_base.asking import asking
from app.admin_base.hiding import sees
from app.i18n import gettext, later
from app.labels import word_of
from app.models import Customer
from app.queries.sign_ups import told_in
from app.rules.refusals import words
from app.vocabulary import Channel, Gender, Purpose, Source

_LABELS = {
    "name": later("姓名"),
    "birthday": later("生日"),
    "gender": later("性别"),
    "source": later("从哪里知道我们"),
    "guardian": later("监护人"),
    "consents": later("勾选的同意"),
}
_LIST_MARK = words("、")


def told_lines(row: Any) -> list[tuple[Any, ...]]:
    """Field, what was typed, what the record says; of what this person may see of a customer. Empty once it was seen
    to."""
    person, told = asking().person, told_in(row)
    if person is None or row.customer is None:
        return []
    return [
        (str(label), _shown(name, told[name]), _shown(name, getattr(row.customer, name, "")))
        for name, label in _LABELS.items()
        if told.get(name) and (not hasattr(Customer, name) or sees(person.role, Customer, name))
    ]


def _shown(name: str, value: Any) -> str:
    if name == "gender" and value:
        return word_of(Gender(value))
    if name == "source" and value:
        return word_of(Source(value))
    if name == "consents":
        return gettext(_LIST_MARK).join(_wish(*one) for one in value or ())
    return str(value or "")


def _wish(purpose: str, channel: str | None) -> str:
    said = word_of(Purpose(purpose))
    return f"{said} · {word_of(Channel(channel))}" if channel else said
