"""Files from the till: coming in, looked at again, and what they call their columns."""

from typing import ClassVar

from app.admin_base import ImportStart, LedgerView, Listed, SetupView, cells_left_out, rejected_rows
from app.i18n import later
from app.models import ImportBatch, ImportMap
from app.registers.sections import SHOP


class ImportWizard(ImportStart):
    """A till's file comes in."""

    category, category_icon = SHOP
    name, icon = later("导入表格"), "fa-solid fa-file-import"


class ImportBatchAdmin(LedgerView, model=ImportBatch):
    """Files that came in, with the rows that did not."""

    category, category_icon = SHOP
    name, name_plural, icon = later("导入"), later("导入记录"), "fa-solid fa-file-import"
    details_template = "imports/details.html"
    empty_hint = later("在“导入表格”里选一个文件，就会有一条记录。")
    column_list = ("started_at", "kind", "file_name", "stage", "rows", "created", "updated", "unchanged", "rejected")
    column_details_list = (
        "kind", "file_name", "stage", "mode", "earns", "store", "started_at", "finished_at", "rows", "created", "updated", "unchanged",
        "rejected", "staff", "reverted_at", "reverted_staff"
    )  # fmt: skip
    column_labels: ClassVar = {
        "kind": later("内容"),
        "file_name": later("文件"),
        "stage": later("进度"),
        "mode": later("怎么导"),
        "earns": later("消费给积分"),
        "store": later("门店"),
        "reverted_at": later("撤销时间"),
        "reverted_staff": later("谁撤销的"),
        "started_at": later("开始"),
        "finished_at": later("完成"),
        "rows": later("行数"),
        "created": later("新增"),
        "updated": later("更新"),
        "unchanged": later("没有变化"),
        "rejected": later("没有导入"),
        "staff": later("员工"),
    }
    children = (
        Listed(later("没有导入的行"), (later("行号"), later("列"), later("原因")), rejected_rows),
        Listed(later("留空的格子"), (later("行号"), later("列"), later("原因")), cells_left_out),
    )


class ImportMapAdmin(SetupView, model=ImportMap):
    """What tills call their columns, as it was kept for the next file."""

    category, category_icon = SHOP
    name, name_plural, icon = later("对应表"), later("导入对应表"), "fa-solid fa-table-columns"
    empty_hint = later("导入表格时点“保存这张对应表”，就会出现在这里，下次自动套用。")
    can_create = False
    column_list = ("name", "kind", "created_at", "staff")
    column_details_list = ("name", "kind", "created_at", "staff")
    form_columns = ("name",)
    column_labels: ClassVar = {
        "name": later("名称"),
        "kind": later("内容"),
        "created_at": later("保存时间"),
        "staff": later("员工"),
    }
