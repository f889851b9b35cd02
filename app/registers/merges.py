"""Two records of one person: found, made into one, taken apart again."""

from typing import ClassVar

from app.actions import merging
from app.admin_base import BigLedgerView, Deed, DuplicatesPage, MergePage
from app.i18n import later
from app.models import CustomerMerge
from app.registers.sections import PEOPLE, WHEN


class Duplicates(DuplicatesPage):
    """Records that may be one person."""

    category, category_icon = PEOPLE
    name, icon = later("疑似重复"), "fa-solid fa-people-arrows"


class Merging(MergePage):
    """Making one record out of two."""

    category, category_icon = PEOPLE
    name, icon = later("合并档案"), "fa-solid fa-code-merge"


class CustomerMergeAdmin(BigLedgerView, model=CustomerMerge):
    """Which records became one, and taking that back while it is possible."""

    category, category_icon = PEOPLE
    name, name_plural, icon = later("合并记录"), later("合并记录"), "fa-solid fa-code-merge"
    empty_hint = later("两份档案合并以后，会在这里留一条记录，期限内可以撤销。")
    column_list = ("merged_at", "absorbed_name", "absorbed_no", "survivor", "undone_at")
    column_sortable_list = ("merged_at",)
    column_default_sort = ("merged_at", True)
    column_details_list = (
        "merged_at", "survivor", "absorbed_name", "absorbed_no", "staff", "undo_until", "undone_at"
    )  # fmt: skip
    column_labels: ClassVar = {
        "merged_at": WHEN,
        "survivor": later("留下的档案"),
        "absorbed_name": later("并入的姓名"),
        "absorbed_no": later("并入的会员号"),
        "staff": later("谁"),
        "undo_until": later("可以撤销到"),
        "undone_at": later("撤销时间"),
    }
    deeds = (
        Deed(
            "undo",
            later("撤销合并"),
            merging.undo_merge,
            ("customer_merges", "undo"),
            hint=later("并入的档案会带着它原来的记录回来；合并后新记的留在现在这份里。"),
            when=lambda merge: merge.undone_at is None and bool(merge.plan),
            answer="merging/undone.html",
        ),
    )
