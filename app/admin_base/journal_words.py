"""What an entry of the journal tells, in the words of the forms: which fields, and old and new where nothing personal is
in them."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, DateTime, Enum
from sqlmodel import SQLModel

from app.admin_base.showing import shown
from app.i18n import gettext, stamp
from app.labels import word_of
from app.queries.journal_pages import Line
from app.rules.policy import POLICY_FIELDS
from app.rules.refusals import words
from app.vocabulary import AuditAction, ImportKind

_CHANGED = words("{field}：{old} → {new}")
_TOUCHED = words("{field}：已改（内容不记录）")
_GIVEN = words("{field}：已填（内容不记录）")
_SET = words("{field}：{new}")
FACTS = {
    "reason": words("为什么要看"),
    "purpose": words("用来做什么"),
    "rows": words("行数"),
    "last": words("到编号"),
    "count": words("张数"),
    "layout": words("版式"),
    "anew": words("换新码"),
    "size": words("尺寸"),
    "kind": words("内容"),
    "file": words("文件"),
    "filters": words("筛选条件"),
    "has_health": words("含健康备注"),
    "whole_numbers": words("完整号码（个）"),
    "tables": words("张表"),
    "sent_rows": words("送出行数"),
    "failures": words("连续输错"),
    "sessions": words("登录（个）"),
    "way": words("想做什么"),
    "key": words("名称"),
    "made_at": words("哪个时候的"),
    "bytes": words("大小（字节）"),
    "absorbed": words("并入的档案编号"),
    "left": words("合并后又改过的（项）"),
    "put_on": words("贴上（位）"),
    "taken_off": words("摘下（位）"),
    "customers": words("顾客编号"),
    "mark": words("撤销标记"),
    "restored": words("恢复（位）"),
    "frozen": words("暂停兑换"),
    "alone": words("店里没有第二位可以同意的人，本人输入密码确认"),
}
"""What a deed says of itself → the word for it."""
WAY_WORDS = {
    "list": words("打开列表"),
    "details": words("打开记录"),
    "create": words("新建"),
    "edit": words("修改"),
    "delete": words("删除"),
    "export": words("导出"),
    "page": words("打开页面"),
    "do": words("对一条记录办事"),
    "do_deed": words("对一条记录办事"),
    "ajax": words("在表单里查找"),
    "action": words("对选中的记录办事"),
}
"""What somebody was refused, by the first word of the address behind the register's or page's own."""
FOLLOWING = {
    ("customers", "name_pinyin"): "name",
    ("customers", "name_initials"): "name",
    ("customers", "given_name"): "name",
    ("customers", "phone_index"): "phone",
    ("customers", "phone_last4"): "phone",
    ("customers", "phone_masked"): "phone",
    ("customers", "wechat_index"): "wechat",
    ("customers", "birth_month"): "birthday",
    ("customers", "birth_day"): "birthday",
    ("complaints", "contact_masked"): "contact_phone",
    ("purchases", "buyer_phone_index"): "buyer_phone",
    ("purchases", "buyer_phone_masked"): "buyer_phone",
    ("customer_aliases", "phone_index"): "member_no",
    ("customer_merges", "plan"): "undone_at",
}
"""(table, column) → the column it is made from, whose change says it all."""
_COLUMNS = {
    "occasion": words("什么时候问"),
    "again_after_days": words("隔几天再问"),
    "gift": words("谢礼"),
    "gift_days": words("谢礼几天有效"),
    "translations": words("翻译"),
    "survey_id": words("问卷"),
    "number": words("编号"),
    "note": words("备注"),
    "published_at": words("发布时间"),
    "version_id": words("问卷版本"),
    "match": words("怎么算满足"),
    "conditions": words("条件"),
    "deed": words("怎么做"),
    "target": words("对哪一题"),
    "title": words("标题"),
    "intro": words("开场白"),
    "section_id": words("问卷分段"),
    "reference": words("单号"),
    "since_at": words("从何时起"),
    "tier_held_until_on": words("人工等级保留到"),
    "points_used": words("用掉的积分"),
    "points_fen": words("积分抵了多少"),
    "entry_id": words("积分明细"),
    "password_hash": words("密码"),
    "response_id": words("问卷回答"),
    "import_batch_id": words("从哪次导入"),
    "fingerprint": words("查重标记"),
    "file_sha256": words("文件标记"),
    "rejections": words("没有导入的行"),
    "value": words("内容"),
    "customer_id": words("顾客"),
    "staff_id": words("员工"),
    "tag_id": words("标签"),
    "tagged_at": words("贴上时间"),
    "origin": words("来源"),
    "subject_id": words("编号"),
    "low_id": words("较早的档案"),
    "high_id": words("较晚的档案"),
    "score": words("相似程度"),
    "reasons": words("为什么提示"),
    "found_at": words("发现时间"),
    "decided_at": words("决定时间"),
    "state": words("状态"),
    "sha256": words("链接"),
    "token": words("链接"),
    "expires_at": words("有效期至"),
    "used_at": words("用掉时间"),
    "revoked_at": words("作废时间"),
    "purchase_id": words("消费"),
    "position": words("顺序"),
    "sku": words("商品编码"),
    "item": words("项目"),
    "category": words("类别"),
    "quantity": words("数量"),
    "unit_price_fen": words("单价"),
    "amount_fen": words("金额"),
    "treatment_id": words("护理项目"),
    "product_id": words("产品"),
    "absorbed_id": words("并入的档案编号"),
    "plan": words("撤销用的资料"),
    "merge_id": words("合并记录"),
    "wording": words("顾客看到的说法"),
    "uses": words("用到哪些资料"),
    "kept": words("保存多久"),
    "needs_consent": words("要先同意"),
    "is_offered": words("登记时会问"),
    "declined_fields": words("不想说的"),
    "phone_invalid_on": words("电话打不通"),
    "email_invalid_on": words("邮箱收不到"),
    "referred_by_id": words("介绍人"),
    "old_value": words("原来的"),
    "mapping": words("对应表"),
    "upload_key": words("上传的文件"),
    "check_report": words("检查结果"),
    "rows_in_all": words("总行数"),
    "submission_id": words("提交标记"),
    "told": words("填写的内容"),
    "member_no": words("会员号"),
    "file_key": words("照片文件"),
    "buyer_phone": words("买的人的电话"),
}
"""Columns no form asks for → the word for them."""
Names = Mapping[tuple[str, int], str]
Labels = Mapping[tuple[str, str], str]


def labels_of(views: Iterable[Any]) -> dict[tuple[str, str], str]:
    """(table, column) → what the forms call it; a link goes by the name of what it leads to."""
    labels: dict[tuple[str, str], str] = {}
    for view in views:
        if not view.is_model:
            continue
        for column, label in view._column_labels.items():
            labels[view.model.__tablename__, column] = str(label)
            labels.setdefault((view.model.__tablename__, f"{column}_id"), str(label))
    return labels


def told(line: Line, labels: Labels, names: Names, zone: ZoneInfo) -> tuple[str, ...]:
    """An entry line by line. A new record's empty fields say nothing."""
    table = SQLModel.metadata.tables.get(line.subject)
    said = []
    for key, change in line.changes.items():
        if FOLLOWING.get((line.subject, key)) in line.changes:
            continue
        column = table.columns.get(key) if table is not None else None
        field = field_word(line.subject, key, labels) or key
        if change == "***":
            template = _GIVEN if line.action is AuditAction.CREATE else _TOUCHED
            said.append(gettext(template).format(field=field))
            continue
        old, new = change if isinstance(change, list) and len(change) == 2 else (None, change)
        new_said = _said(key, column, new, names, zone)
        if not isinstance(change, list) or line.action is AuditAction.CREATE:
            said.append(gettext(_SET).format(field=field, new=new_said))
        else:
            said.append(gettext(_CHANGED).format(field=field, old=_said(key, column, old, names, zone), new=new_said))
    if line.subject == "policy_settings" and isinstance(line.changes.get("key"), list):
        rule = POLICY_FIELDS.get(str(line.changes["key"][1]))
        return (gettext(rule.metadata["label"]), *said[1:]) if rule else tuple(said)
    return tuple(said)


def field_word(subject: str, key: str, labels: Labels) -> str:
    """What a column, or what a deed says of itself, is called; empty for one without a word."""
    key = FOLLOWING.get((subject, key), key)
    own = _COLUMNS.get(key) or FACTS.get(key)
    return labels.get((subject, key)) or (gettext(own) if own else "")


def _said(key: str, column: Any, value: Any, names: Names, zone: ZoneInfo) -> str:
    """A value as people read it: the vocabulary's word, the other record's name, the shop's wall clock, yuan."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    if column is None:
        return _fact_said(key, value, zone)
    for link in column.foreign_keys:
        return names.get((link.column.table.name, value), f"#{value}")
    try:
        return str(_typed(column.type, key, value, zone))
    except (ValueError, TypeError, KeyError):
        return str(value)  # written by an older version, in words this one no longer has


def _fact_said(key: str, value: Any, zone: ZoneInfo) -> str:
    if key == "kind" and value in set(ImportKind):
        return word_of(ImportKind(value))
    if key == "way" and value in WAY_WORDS:
        return gettext(WAY_WORDS[value])
    if key.endswith("_at"):
        with suppress(ValueError, TypeError):
            return stamp(datetime.fromisoformat(value), zone)
    return str(value)


def _typed(kind: Any, key: str, value: Any, zone: ZoneInfo) -> Any:
    if isinstance(kind, Enum):
        words_of: Any = kind.enum_class
        return word_of(words_of(value))
    if isinstance(kind, Date):
        return date.fromisoformat(value).isoformat()
    if isinstance(value, str) and (isinstance(kind, DateTime) or type(kind).__name__ == "UTCDateTime"):
        return stamp(datetime.fromisoformat(value), zone)
    return shown(value, key)
