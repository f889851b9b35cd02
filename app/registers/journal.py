"""Who did what: as a page to read and as a table to take away."""

from typing import ClassVar

from app.admin_base import BigLedgerView, JournalPage, RelationFilter, WordFilter, formats
from app.i18n import later
from app.models import AuditEntry
from app.registers.sections import SHOP, WHEN


class Journal(JournalPage):
    """Who did what, and who saw whom."""

    category, category_icon = SHOP
    name, icon = later("操作日志"), "fa-solid fa-clock-rotate-left"


class AuditEntryAdmin(BigLedgerView, model=AuditEntry):
    """The journal as a table, to be taken out as a file; people read it on its page."""

    category, category_icon = SHOP
    in_menu = False
    name, name_plural, icon = later("操作日志"), later("操作日志"), "fa-solid fa-clock-rotate-left"
    column_list = ("at", "actor", "action", "subject", "subject_id")
    column_formatters: ClassVar = {"subject": formats.table_name, "actor": formats.actor}
    column_formatters_detail: ClassVar = {
        "subject": formats.table_name, "changes": formats.changes, "actor": formats.actor
    }  # fmt: skip
    export_formatted = frozenset({"subject", "changes", "actor"})
    column_details_list = ("at", "actor", "action", "subject", "subject_id", "changes")
    column_filters = (
        WordFilter(AuditEntry.action, later("做了什么")),
        RelationFilter(AuditEntry.staff, later("谁")),
    )
    column_labels: ClassVar = {
        "at": WHEN,
        "actor": later("谁"),
        "staff": later("员工"),
        "action": later("做了什么"),
        "subject": later("对什么"),
        "subject_id": later("编号"),
        "changes": later("改了什么"),
    }
