"""How single columns look where their value alone says too little."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from app.admin_base.asking import asking
from app.admin_base.showing import Toned, changes_in_words
from app.i18n import gettext, grouped, stamp
from app.rules.complaints import standing
from app.rules.refusals import words

_LATE = words("{at}，已逾期 {hours} 小时")
_LATE_DAYS = words("{at}，已逾期 {days} 天")
_SOON = words("{at}，还剩 {hours} 小时")
_LOW = words("{score}，低分")
_REFUND = words("退款")
_SALE = words("消费")
_SOON_HOURS = 12


def due(case: Any, name: str) -> Any:
    """A case's deadline: in red with how late it is, in amber when it is near."""
    at = stamp(case.due_at, asking().zone)
    stands = standing(case, asking().now)
    if stands.overdue_by is not None:
        hours = int(stands.overdue_by / timedelta(hours=1))
        template, values = (_LATE, {"hours": hours}) if hours < 48 else (_LATE_DAYS, {"days": hours // 24})
        return Toned(gettext(template).format(at=at, **values), "alarm")
    if stands.due_in is not None and stands.due_in < timedelta(hours=_SOON_HOURS):
        return Toned(gettext(_SOON).format(at=at, hours=int(stands.due_in / timedelta(hours=1))), "amber")
    return at


def score(response: Any, name: str) -> Any:
    """A response's score, marked when it is low."""
    if response.score is None:
        return "—"
    return Toned(gettext(_LOW).format(score=response.score), "alarm") if response.is_low else response.score


def slip(purchase: Any, name: str) -> Any:
    """Sale or refund."""
    return Toned(gettext(_REFUND), "amber") if purchase.refund_of_id else gettext(_SALE)


def number(customer: Any, name: str) -> str:
    """A member number in groups of four."""
    return grouped(customer.member_no)


def table_name(entry: Any, name: str) -> str:
    """The table of an audit entry as people call it."""
    return str(_tables().get(entry.subject, entry.subject))


def changes(entry: Any, name: str) -> str:
    """What an audit entry changed, in the words of the forms."""
    return changes_in_words(entry, _columns())


_views: Callable[[], list[Any]] = list


def know_views(views: Callable[[], list[Any]]) -> None:
    """Tell these formats where the labels of tables and columns are."""
    global _views  # noqa: PLW0603  one back office per process names the tables
    _views = views


def _tables() -> dict[str, str]:
    return {view.model.__tablename__: view.name for view in _views() if view.is_model}


def _columns() -> dict[tuple[str, str], str]:
    return {
        (view.model.__tablename__, column): label
        for view in _views()
        if view.is_model
        for column, label in view._column_labels.items()
    }
