"""The desk's search, one customer's page and the member file itself."""

from functools import partial
from typing import ClassVar

from wtforms import SelectField, StringField, TextAreaField

from app.actions import consents, contacts, customers, profiles
from app.admin_base import (
    AsksBeforeTwin,
    AsksForConsent,
    BigView,
    CardsPage,
    Child,
    CustomerPage,
    Deed,
    DeskPage,
    MeaningFilter,
    NeedFilter,
    OwnPageHanding,
    PrintsCards,
    RelationFilter,
    TagFilter,
    TagsCustomers,
    WordFilter,
    YesFilter,
    agreed_deed,
    asks,
    birthdays,
    formats,
    nothing_when_empty,
    spans,
)
from app.i18n import later, many
from app.labels import ENUM_WORDS
from app.models import Complaint, Consent, Customer, Purchase, SkinRecord, Visit
from app.queries import finding, scopes
from app.registers.revealing import WHY, reveal
from app.registers.sections import PEOPLE, WHEN
from app.rules.contacts import MARKABLE
from app.rules.customers import CustomerDetails
from app.vocabulary import ContactKind, CustomerStatus


class Desk(DeskPage):
    """The counter's first page."""

    name, icon = later("前台"), "fa-solid fa-magnifying-glass"


class CustomerProfile(CustomerPage):
    """One customer on one page."""

    name, icon = later("顾客主页"), "fa-solid fa-user"


def _has_reachable(customer: Customer) -> bool:
    """Whether there is a way to her that nobody has called dead yet."""
    phone = bool(customer.phone_masked) and customer.phone_invalid_on is None
    return phone or (bool(customer.email) and customer.email_invalid_on is None)


class CustomerAdmin(AsksBeforeTwin, AsksForConsent, PrintsCards, TagsCustomers, BigView, model=Customer):
    """The member file. Phones and WeChat ids go in and are never shown whole again; a phone is, once, for a reason."""

    category, category_icon = PEOPLE
    name, name_plural, icon = later("顾客"), many("顾客"), "fa-solid fa-user"
    create_template, edit_template = "customers/create.html", "customers/edit.html"
    empty_hint = later("先在这里加第一位顾客，或用“店铺”里的“导入表格”把收银系统的表格搬进来。")
    search, search_hint = finding.customers_like, later("姓名、拼音、手机后四位、会员号")
    can_delete = False
    journal_key = "customer"
    own_page = "/desk/customers/{member_no}"
    takes, on_create, on_edit = CustomerDetails, profiles.create_profile, profiles.update_profile
    holds = customers.hold_customer
    together = (("birthday", "birthday_calendar"), ("phone", "phone_shared_reason"))
    column_list = ("member_no", "name", "phone_masked", "tier", "source", "created_at")
    column_searchable_list = ("name",)
    column_sortable_list = ("member_no", "name", "created_at")
    column_default_sort = ("created_at", True)
    column_formatters: ClassVar = {"member_no": formats.number}
    column_formatters_detail: ClassVar = {"member_no": formats.number, "birthday": formats.birthday}
    column_details_list = (
        "member_no", "name", "gender", "phone_masked", "tier", "tier_until_on", "is_vip", "card_until_on", "tags", "allergy_note",
        "health_note", "skin_type", "birthday", "source", "preferred_channel", "email", "address",
        "occupation", "income_band", "note", "store", "status", "verified_on", "created_at", "updated_at",
    )  # fmt: skip
    column_export_list: ClassVar = [
        "member_no", "name", "gender", "phone_masked", "tier", "tier_until_on", "card_until_on", "tags", "birthday",
        "birthday_calendar", "source", "preferred_channel", "email", "address", "occupation", "income_band", "note",
        "store", "status", "created_at", "skin_type", "allergy_note", "health_note",
    ]  # fmt: skip
    sealed_numbers: ClassVar = {"phone_masked": "phone"}
    reaches_customers = True
    form_columns = (
        "name", "phone", "phone_shared_reason", "wechat", "gender", "birthday", "birthday_calendar", "tier", "is_vip", "tags",
        "source", "preferred_channel", "allergy_note", "health_note", "skin_type", "email", "address", "occupation",
        "income_band", "note", "store", "member_no", "card_until_on", "status",
    )  # fmt: skip
    form_create_rules: ClassVar = list(form_columns)
    # A standing customer's tier is changed on her page: for a reason, and until a day.
    form_edit_rules: ClassVar = [one for one in form_columns if one not in ("member_no", "tier")]
    secret_fields = frozenset({"phone", "wechat"})
    veiled: ClassVar = {"allergy_note": later("有过敏提示"), "health_note": later("有健康提示")}
    extra_fields: ClassVar = {
        "member_no": StringField(
            **nothing_when_empty(
                later("会员卡号（已印好的卡）"), hint=later("有印好的卡就扫一下或照着填；没有就留空，系统自动编号")
            )
        ),
        "phone": StringField(**asks(later("手机"), hint=later("保存后只显示后四位；修改资料时留空就不变"))),
        "wechat": StringField(**asks(later("微信号"), hint=later("保存后不再显示；修改资料时留空就不变"))),
        "birthday": StringField(**asks(later("生日"), hint=later("如 1990-01-02、01-02 或 农历八月十五"))),
        "allergy_note": TextAreaField(**asks(later("过敏提示"), hint=later("加密保存，只有护理人员看得到"))),
        "health_note": TextAreaField(**asks(later("健康提示"), hint=later("加密保存，只有护理人员看得到"))),
        "note": TextAreaField(**asks(later("备注"))),
    }
    form_args: ClassVar = {
        "tier": {"allow_blank": True, "blank_text": later("最低等级")},
        "is_vip": {"description": later("需要特别照顾的顾客；等级照样按消费算")},
        "status": {"never": {CustomerStatus.ERASED}},
        "phone_shared_reason": {"description": later("一家人共用一个号码时填写，如 母女共用")},
    }
    column_labels: ClassVar = {
        "member_no": later("会员号"),
        "name": later("姓名"),
        "gender": later("性别"),
        "phone": later("手机"),
        "phone_masked": later("手机"),
        "phone_shared_reason": later("共用原因"),
        "wechat": later("微信号"),
        "email": later("邮箱"),
        "address": later("地址"),
        "preferred_channel": later("希望怎么联系"),
        "birthday": later("生日"),
        "birthday_calendar": later("历法"),
        "occupation": later("职业"),
        "income_band": later("收入区间"),
        "source": later("来源"),
        "note": later("备注"),
        "skin_type": later("肤质"),
        "allergy_note": later("过敏提示"),
        "health_note": later("健康提示"),
        "tier": later("等级"),
        "tier_until_on": later("等级有效期至"),
        "is_vip": later("VIP"),
        "card_until_on": later("会员卡有效期至"),
        "store": later("门店"),
        "tags": later("标签"),
        "status": later("档案状态"),
        "verified_on": later("最近核对"),
        "created_at": later("建档时间"),
        "updated_at": later("最近修改"),
        "reason": WHY,
    }
    deeds = (
        agreed_deed(partial(consents.agree_to_health, table=Customer)),
        reveal(Customer, lambda customer: bool(customer.phone_masked)),
        Deed(
            "unreachable",
            later("标为联系不上"),
            contacts.mark_invalid,
            ("customers", "edit"),
            {
                "contact": SelectField(
                    later("哪个联系方式"), choices=[(one.value, ENUM_WORDS[ContactKind][one]) for one in MARKABLE]
                ),
                "reason": StringField(**asks(later("怎么知道的"), hint=later("如 停机、打错了、邮件退回"))),
            },
            done=later("已标为联系不上，不会再往那里打电话或发消息"),
            when=_has_reachable,
        ),
        Deed(
            "reachable",
            later("又联系上了"),
            contacts.mark_valid,
            ("customers", "edit"),
            {
                "contact": SelectField(
                    later("哪个联系方式"), choices=[(one.value, ENUM_WORDS[ContactKind][one]) for one in MARKABLE]
                )
            },
            done=later("已改回能联系上"),
            when=lambda customer: bool(customer.phone_invalid_on or customer.email_invalid_on),
        ),
    )
    column_filters = (
        RelationFilter(Customer.tier, later("等级")),
        YesFilter(Customer.is_vip, later("VIP"), yes=later("是 VIP"), no=later("不是 VIP")),
        TagFilter("tag", later("标签")),
        NeedFilter("need", later("需求")),
        MeaningFilter("birthday", later("生日"), **birthdays()),
        MeaningFilter("created", later("建档"), **spans(Customer.created_at)),
        WordFilter(Customer.source, later("来源")),
        MeaningFilter("verified", later("核对"), stale=(later("很久没核对"), scopes.stale)),
    )
    children = (
        Child(
            later("最近消费"),
            Purchase.customer_id,
            {Purchase.occurred_at: WHEN, Purchase.order_no: later("单号"), Purchase.paid_fen: later("实付")},
            order=Purchase.occurred_at,
            newest_first=True,
            limit=20,
        ),
        Child(
            later("最近到店"),
            Visit.customer_id,
            {
                Visit.visited_at: WHEN,
                Visit.treatment: later("项目"),
                Visit.staff: later("员工"),
                Visit.outcome: later("效果"),
            },
            order=Visit.visited_at,
            newest_first=True,
            limit=20,
            related=(Visit.treatment, Visit.staff),
        ),
        Child(
            later("皮肤记录"),
            SkinRecord.customer_id,
            {
                SkinRecord.seen_on: later("日期"),
                SkinRecord.skin_type: later("肤质"),
                SkinRecord.concerns: later("状况"),
            },
            order=SkinRecord.seen_on,
            newest_first=True,
            limit=10,
        ),
        Child(
            later("同意记录"),
            Consent.customer_id,
            {
                Consent.purpose: later("用途"),
                Consent.channel: later("渠道"),
                Consent.granted_at: later("同意时间"),
                Consent.withdrawn_at: later("撤回时间"),
            },
            order=Consent.granted_at,
            newest_first=True,
        ),
        Child(
            later("反馈与投诉"),
            Complaint.customer_id,
            {
                Complaint.receipt_no: later("编号"),
                Complaint.kind: later("类型"),
                Complaint.status: later("进度"),
                Complaint.opened_at: WHEN,
            },
            order=Complaint.opened_at,
            newest_first=True,
            limit=20,
        ),
    )


class OwnPages(OwnPageHanding):
    """The way to a customer's own page."""

    name, icon = later("顾客自助页"), "fa-solid fa-mobile-screen"


class CardPrinting(CardsPage):
    """Member cards for the printer."""

    category, category_icon = PEOPLE
    name, icon = later("打印会员卡"), "fa-solid fa-id-card"
