"""The whole back office on one scroll: one small class per table, in five sections. No method, no HTML, no SQL here;
what the kinds of view do stands in `app/admin_base/`.

Sections: People · Loyalty · Voice · Outreach · Shop.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from fastapi import FastAPI
from wtforms import BooleanField, PasswordField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from app.actions import (
    api_keys,
    claims,
    complaints,
    consents,
    contacts,
    customers,
    jobs,
    merging,
    phones,
    points,
    profiles,
    sign_ups,
    staff,
    survey_sheets,
    surveys,
    tags,
)
from app.admin_base import (
    AccessPage,
    ActingView,
    AsksBeforeTwin,
    AsksForConsent,
    BigLedgerView,
    BigSetupView,
    BigView,
    CardsPage,
    Child,
    Choice,
    CountField,
    CustomerPage,
    Deed,
    DemoPage,
    DeskPage,
    DraftView,
    DuplicatesPage,
    ImportBatchPage,
    ImportRefusedPage,
    ImportSamplePage,
    ImportStart,
    ImportUndoPage,
    JournalPage,
    LedgerView,
    Listed,
    MeaningFilter,
    MergePage,
    NeedFilter,
    OfAnAccount,
    PhotosPage,
    PicturePage,
    PostersPage,
    PrintsCards,
    PrintsPoster,
    PurposesPage,
    RelationFilter,
    Retags,
    RougeAdmin,
    SettingsPage,
    SetupView,
    StandingFilter,
    TagFilter,
    TaggingPage,
    TagRulePage,
    TagsCustomers,
    TagsPage,
    TakesConsents,
    WordFilter,
    YesFilter,
    agreed_deed,
    asks,
    birthdays,
    formats,
    locale_field,
    nothing_when_empty,
    passwords,
    rejected_rows,
    spans,
    told_lines,
)
from app.db import Database
from app.i18n import later
from app.labels import ENUM_WORDS
from app.models import (
    ApiKey,
    AuditEntry,
    Complaint,
    ComplaintEvent,
    Consent,
    ContactEvent,
    Customer,
    CustomerMerge,
    ImportBatch,
    ImportMap,
    Job,
    JobRun,
    OutboundMessage,
    Photo,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Product,
    Purchase,
    PurchaseLine,
    SignUp,
    SkinRecord,
    SocialAccount,
    Staff,
    StaffSession,
    Store,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    SurveyResponse,
    Tag,
    Tier,
    Treatment,
    Visit,
)
from app.queries import finding, scopes
from app.queries.surveys import draft_surveys
from app.rules.api_keys import KeyDetails
from app.rules.complaints import OPEN
from app.rules.contacts import MARKABLE
from app.rules.customers import CustomerDetails
from app.settings import Settings
from app.vocabulary import ComplaintStatus, ContactKind, CustomerStatus, JobStage, SignUpState, SurveyStatus

_WHEN = later("时间")
_WHY = later("为什么要看")


def _reveal(table: type[Customer] | type[Complaint], when: Callable[[Any], bool]) -> Deed:
    """Seeing a record's phone number whole."""
    return Deed(
        "reveal",
        later("查看号码"),
        partial(phones.reveal_phone, table=table),
        (str(table.__tablename__), "reveal"),
        {"reason": StringField(**asks(_WHY, required=True, hint=later("会和您的名字一起记进操作日志，号码本身不记")))},
        hint=later("号码只显示这一次。"),
        when=when,
        answer="backoffice/phone.html",
    )


def _has_reachable(customer: Customer) -> bool:
    """Whether there is a way to her that nobody has called dead yet."""
    phone = bool(customer.phone_masked) and customer.phone_invalid_on is None
    return phone or (bool(customer.email) and customer.email_invalid_on is None)


# ── People ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_PEOPLE = (later("顾客"), "fa-solid fa-user-group")


class Desk(DeskPage):
    """The counter's first page."""

    name, icon = later("前台"), "fa-solid fa-magnifying-glass"


class CustomerProfile(CustomerPage):
    """One customer on one page."""

    name, icon = later("顾客主页"), "fa-solid fa-user"


class CustomerAdmin(AsksBeforeTwin, AsksForConsent, PrintsCards, TagsCustomers, BigView, model=Customer):
    """The member file. Phones and WeChat ids go in and are never shown whole again; a phone is, once, for a reason."""

    category, category_icon = _PEOPLE
    name, name_plural, icon = later("顾客"), later("顾客"), "fa-solid fa-user"
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
        "member_no", "name", "gender", "phone_masked", "tier", "tier_until_on", "card_until_on", "tags", "allergy_note",
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
        "name", "phone", "phone_shared_reason", "wechat", "gender", "birthday", "birthday_calendar", "tier", "tags",
        "source", "preferred_channel", "allergy_note", "health_note", "skin_type", "email", "address", "occupation",
        "income_band", "note", "store", "member_no", "card_until_on", "status",
    )  # fmt: skip
    form_create_rules: ClassVar = list(form_columns)
    form_edit_rules: ClassVar = [one for one in form_columns if one != "member_no"]
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
        "card_until_on": later("会员卡有效期至"),
        "store": later("门店"),
        "tags": later("标签"),
        "status": later("档案状态"),
        "verified_on": later("最近核对"),
        "created_at": later("建档时间"),
        "updated_at": later("最近修改"),
        "reason": _WHY,
    }
    deeds = (
        agreed_deed(partial(consents.agree_to_health, table=Customer)),
        _reveal(Customer, lambda customer: bool(customer.phone_masked)),
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
            {Purchase.occurred_at: _WHEN, Purchase.order_no: later("单号"), Purchase.paid_fen: later("实付")},
            order=Purchase.occurred_at,
            newest_first=True,
            limit=20,
        ),
        Child(
            later("最近到店"),
            Visit.customer_id,
            {
                Visit.visited_at: _WHEN,
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
                Complaint.opened_at: _WHEN,
            },
            order=Complaint.opened_at,
            newest_first=True,
            limit=20,
        ),
    )


class Duplicates(DuplicatesPage):
    """Records that may be one person."""

    category, category_icon = _PEOPLE
    name, icon = later("疑似重复"), "fa-solid fa-people-arrows"


class Merging(MergePage):
    """Making one record out of two."""

    category, category_icon = _PEOPLE
    name, icon = later("合并档案"), "fa-solid fa-code-merge"


class CustomerMergeAdmin(BigLedgerView, model=CustomerMerge):
    """Which records became one, and taking that back while it is possible."""

    category, category_icon = _PEOPLE
    name, name_plural, icon = later("合并记录"), later("合并记录"), "fa-solid fa-code-merge"
    empty_hint = later("两份档案合并以后，会在这里留一条记录，期限内可以撤销。")
    column_list = ("merged_at", "absorbed_name", "absorbed_no", "survivor", "undone_at")
    column_sortable_list = ("merged_at",)
    column_default_sort = ("merged_at", True)
    column_details_list = (
        "merged_at", "survivor", "absorbed_name", "absorbed_no", "staff", "undo_until", "undone_at"
    )  # fmt: skip
    column_labels: ClassVar = {
        "merged_at": _WHEN,
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


class CardPrinting(CardsPage):
    """Member cards for the printer."""

    category, category_icon = _PEOPLE
    name, icon = later("打印会员卡"), "fa-solid fa-id-card"


class SkinRecordAdmin(Retags, AsksForConsent, BigSetupView, model=SkinRecord):
    """What a beautician saw on a day."""

    category, category_icon = _PEOPLE
    name, name_plural, icon = later("皮肤记录"), later("皮肤记录"), "fa-solid fa-hand-sparkles"
    empty_hint = later("护理前后看一看皮肤，记下来，下次就有对比。")
    can_delete = False
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("customer", "seen_on", "skin_type", "is_sensitive", "staff")
    column_sortable_list = ("seen_on",)
    column_default_sort = ("seen_on", True)
    column_details_list = ("customer", "seen_on", "skin_type", "is_sensitive", "concerns", "staff", "created_at")
    form_columns = ("customer", "seen_on", "skin_type", "is_sensitive", "concerns", "staff")
    column_filters = (WordFilter(SkinRecord.skin_type, later("肤质")),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "seen_on": later("日期"),
        "skin_type": later("肤质"),
        "is_sensitive": later("敏感"),
        "concerns": later("状况"),
        "staff": later("记录人"),
        "created_at": later("录入时间"),
    }
    deeds = (agreed_deed(partial(consents.agree_to_health, table=SkinRecord)),)


class Photographs(PhotosPage):
    """What a treatment did, to be seen."""

    category, category_icon = _PEOPLE
    name, icon = later("护理照片"), "fa-solid fa-camera"


class PhotoAdmin(BigLedgerView, model=Photo):
    """Photos of treatments: their records. Only the picture itself is kept, sealed; who withdrew her consent has none."""

    category, category_icon = _PEOPLE
    name, name_plural, icon = later("照片记录"), later("照片记录"), "fa-solid fa-camera"
    empty_hint = later("在顾客的页面上点“护理照片”，就能添加。")
    can_delete = True
    column_list = ("customer", "kind", "taken_on", "visit", "staff")
    column_sortable_list = ("taken_on",)
    column_default_sort = ("taken_on", True)
    column_details_list = ("customer", "kind", "taken_on", "visit", "note", "width", "height", "staff", "created_at")
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "kind": later("什么时候的"),
        "taken_on": later("哪天拍的"),
        "visit": later("哪次到店"),
        "note": later("备注"),
        "width": later("宽（像素）"),
        "height": later("高（像素）"),
        "staff": later("记录人"),
        "created_at": later("录入时间"),
    }


class SocialAccountAdmin(BigSetupView, model=SocialAccount):
    """Accounts and groups through which customers follow the shop."""

    category, category_icon = _PEOPLE
    name, name_plural, icon = later("社交账号"), later("社交账号与群"), "fa-brands fa-weixin"
    empty_hint = later("顾客加了企业微信、进了群、关注了小红书，就记在这里。")
    can_delete = True
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("customer", "platform", "handle", "is_following", "noted_on")
    column_details_list = column_list
    form_columns = column_list
    form_args: ClassVar = {"handle": {"description": later("账号名或群名")}}
    column_filters = (
        WordFilter(SocialAccount.platform, later("平台")),
        YesFilter(SocialAccount.is_following, later("关注中"), yes=later("关注中"), no=later("已取消")),
    )
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "platform": later("平台"),
        "handle": later("账号或群名"),
        "is_following": later("关注中"),
        "noted_on": later("哪天记的"),
    }


class ContactEventAdmin(BigLedgerView, model=ContactEvent):
    """What became of the ways to a customer: changed, dead, alive again. Old numbers are never shown whole."""

    category, category_icon = _PEOPLE
    in_menu = False
    name, name_plural, icon = later("联系方式变动"), later("联系方式变动"), "fa-solid fa-address-book"
    column_list = ("at", "customer", "contact", "kind", "old_masked", "reason", "staff")
    column_details_list = column_list
    column_default_sort = ("at", True)
    column_labels: ClassVar = {
        "at": _WHEN,
        "customer": later("顾客"),
        "contact": later("联系方式"),
        "kind": later("怎么了"),
        "old_masked": later("原来的"),
        "reason": later("怎么知道的"),
        "staff": later("员工"),
    }


class ConsentAdmin(TakesConsents, BigView, model=Consent):
    """What a customer said yes to; a no is said here as easily."""

    category, category_icon = _PEOPLE
    name, name_plural, icon = later("同意记录"), later("同意记录"), "fa-solid fa-file-signature"
    empty_hint = later("顾客当面或在网页上同意后，会留下一条记录。")
    can_edit = can_delete = False
    takes, on_create = consents.ConsentDetails, consents.grant_consent
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("customer", "purpose", "channel", "granted_at", "withdrawn_at")
    column_sortable_list = ("granted_at",)
    column_default_sort = ("granted_at", True)
    column_details_list = (
        "customer", "purpose", "channel", "notice_version", "granted_at", "given_by", "staff", "withdrawn_at",
        "withdrawn_how", "withdrawn_staff",
    )  # fmt: skip
    form_columns = ("customer", "purpose", "channel", "given_by")
    form_args: ClassVar = {"given_by": {"description": later("怎么同意的，如 柜台签字、电话")}}
    column_filters = (WordFilter(Consent.purpose, later("用途")),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "purpose": later("用途"),
        "channel": later("渠道"),
        "notice_version": later("隐私说明版本"),
        "granted_at": later("同意时间"),
        "withdrawn_at": later("撤回时间"),
        "given_by": later("同意方式"),
        "staff": later("登记人"),
        "withdrawn_how": later("撤回方式"),
        "withdrawn_staff": later("撤回登记人"),
    }
    deeds = (
        Deed(
            "withdraw",
            later("登记撤回"),
            consents.withdraw_consent,
            ("consents", "create"),
            {"how": StringField(**asks(later("她怎么说的"), hint=later("如 当面、电话、短信回复；可不填")))},
            done=later("已登记撤回，即时生效"),
            hint=later("顾客说不了，就从现在起不再用于这个用途；之前的记录保留。"),
            when=lambda consent: consent.withdrawn_at is None,
            is_grave=True,
        ),
    )


class PurposeRegister(PurposesPage):
    """What each consent is for."""

    category, category_icon = _PEOPLE
    name, icon = later("用途登记"), "fa-solid fa-list-check"


class SignUpAdmin(BigLedgerView, model=SignUp):
    """Who signed up over the code on the wall; somebody whose phone was known waits here for a person."""

    category, category_icon = _PEOPLE
    name, name_plural, icon = later("扫码登记"), later("扫码登记"), "fa-solid fa-qrcode"
    empty_hint = later("打印一张“登记会员”的海报贴在店里，顾客扫码登记后会出现在这里。")
    column_list = ("signed_up_at", "name", "phone_masked", "state", "customer", "store")
    column_sortable_list = ("signed_up_at",)
    column_default_sort = ("signed_up_at", True)
    column_details_list = (
        "name", "phone_masked", "state", "customer", "store", "signed_up_at", "settled_at", "staff"
    )  # fmt: skip
    column_filters = (WordFilter(SignUp.state, later("状态")), RelationFilter(SignUp.store, later("门店")))
    column_labels: ClassVar = {
        "signed_up_at": later("登记时间"),
        "name": later("姓名"),
        "phone_masked": later("手机"),
        "state": later("状态"),
        "customer": later("会员档案"),
        "store": later("门店"),
        "settled_at": later("核对时间"),
        "staff": later("谁核对的"),
    }
    deeds = (
        Deed(
            "adopt",
            later("资料采用"),
            sign_ups.adopt_sign_up,
            ("sign_ups", "settle"),
            {
                "name": BooleanField(later("用她填的姓名")),
                "birthday": BooleanField(later("用她填的生日")),
                "gender": BooleanField(later("用她填的性别")),
                "consents": BooleanField(later("登记她勾选的同意")),
            },
            done=later("勾选的已写进会员档案"),
            hint=later("先和顾客核对是不是本人，再勾选要采用的；没勾的不会改。"),
            when=lambda row: row.state is SignUpState.KNOWN and row.customer_id is not None,
        ),
        Deed(
            "dismiss",
            later("已核对，不采用"),
            sign_ups.dismiss_sign_up,
            ("sign_ups", "settle"),
            done=later("已核对，档案没有改动"),
            hint=later("号码不是本人的，或资料没有变化。她填的内容会清掉。"),
            when=lambda row: row.state is SignUpState.KNOWN,
        ),
    )
    children = (Listed(later("她填的"), (later("项目"), later("这次填的"), later("档案里的")), told_lines),)


class TagList(TagsPage):
    """The tags, each one click away from who wears it."""

    category, category_icon = _PEOPLE
    name, icon = later("标签"), "fa-solid fa-tags"


class Tagging(TaggingPage):
    """One tag for many customers; the list of customers leads here."""

    category, category_icon = _PEOPLE
    name, icon = later("批量贴标签"), "fa-solid fa-tags"


class TagRules(TagRulePage):
    """Which customers wear a tag by themselves."""

    category, category_icon = _PEOPLE
    name, icon = later("标签规则"), "fa-solid fa-wand-magic-sparkles"


class TagAdmin(SetupView, model=Tag):
    """Words the shop sorts its customers by."""

    category, category_icon = _PEOPLE
    in_menu = False
    worn_list = "/admin/customer/list?tag="
    before_delete = tags.check_tag_may_go
    name, name_plural, icon = later("标签"), later("标签"), "fa-solid fa-tags"
    empty_hint = later("标签帮您把顾客分类，例如：敏感肌、爱美甲、生日会常客。")
    search_hint = later("标签名")
    column_list = ("name", "category", "note")
    column_searchable_list = ("name",)
    column_sortable_list = ("name",)
    column_default_sort = "name"
    column_details_list = ("name", "category", "note")
    form_columns = ("name", "category", "note")
    column_filters = (WordFilter(Tag.category, later("类别")),)
    column_labels: ClassVar = {
        "name": later("名称"),
        "category": later("类别"),
        "note": later("说明"),
        "rule": later("规则"),
        "computed_at": later("最近更新"),
        "staff": later("谁定的规则"),
    }


# ── Loyalty ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_LOYALTY = (later("会员与消费"), "fa-solid fa-gem")


class TierAdmin(SetupView, model=Tier):
    """The steps of membership."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("等级"), later("会员等级"), "fa-solid fa-layer-group"
    empty_hint = later("至少要有一个等级，新顾客从最低一级开始。")
    column_list = (
        "rank",
        "name",
        "threshold_fen",
        "threshold_visits",
        "points_percent",
        "discount_percent",
        "is_active",
    )
    column_sortable_list = ("rank", "threshold_fen")
    column_default_sort = "rank"
    column_details_list = (
        "rank", "name", "threshold_fen", "threshold_visits", "points_percent", "discount_percent", "valid_months",
        "colour", "benefits", "is_active",
    )  # fmt: skip
    form_columns = column_details_list
    form_args: ClassVar = {
        "rank": {"description": later("数字越大等级越高")},
        "threshold_fen": {"description": later("统计期内消费满多少元；0 表示不看金额")},
        "threshold_visits": {
            "description": later("统计期内到店几次；0 表示不看次数"),
            "validators": [NumberRange(0, 10_000)],
        },
        "points_percent": {
            "description": later("100 表示原倍数，150 表示 1.5 倍积分"),
            "validators": [NumberRange(0, 1000)],
        },
        "discount_percent": {"description": later("5 表示减 5%，即 95 折"), "validators": [NumberRange(0, 100)]},
        "valid_months": {"validators": [NumberRange(1, 240)]},
        "colour": {"description": later("印在会员卡上：rouge、silver、gold、diamond，或 #A8324A 这样的颜色")},
    }
    form_overrides: ClassVar = {"benefits": TextAreaField}
    column_labels: ClassVar = {
        "rank": later("级别"),
        "name": later("名称"),
        "threshold_fen": later("消费满（元）"),
        "threshold_visits": later("到店满（次）"),
        "points_percent": later("积分倍率"),
        "discount_percent": later("折扣"),
        "valid_months": later("有效期（月）"),
        "colour": later("卡面颜色"),
        "benefits": later("权益"),
        "is_active": later("启用"),
    }


class TreatmentAdmin(SetupView, model=Treatment):
    """The menu."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("护理项目"), later("护理项目"), "fa-solid fa-spa"
    empty_hint = later("把店里的护理项目加进来，记消费和到店时就能直接选。")
    search_hint = later("编码或名称")
    column_list = ("code", "name", "category", "minutes", "price_fen", "is_active")
    column_searchable_list = ("code", "name")
    column_sortable_list = ("code", "name", "price_fen")
    column_default_sort = "code"
    column_details_list = (
        "code", "name", "category", "minutes", "price_fen", "after_care", "contraindications", "is_active"
    )  # fmt: skip
    form_columns = column_details_list
    form_args: ClassVar = {
        "minutes": {"validators": [NumberRange(1, 1440)]},
        "contraindications": {"description": later("哪些情况不能做，如 孕期、皮肤破损")},
    }
    form_overrides: ClassVar = {"after_care": TextAreaField, "contraindications": TextAreaField}
    column_filters = (
        WordFilter(Treatment.category, later("类别")),
        YesFilter(Treatment.is_active, later("状态"), yes=later("在用"), no=later("已停用")),
    )
    column_labels: ClassVar = {
        "code": later("编码"),
        "name": later("名称"),
        "category": later("类别"),
        "minutes": later("时长（分钟）"),
        "price_fen": later("价格（元）"),
        "after_care": later("护理后注意"),
        "contraindications": later("禁忌"),
        "is_active": later("启用"),
    }


class ProductAdmin(SetupView, model=Product):
    """What stands on the shelf."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("产品"), later("产品"), "fa-solid fa-pump-soap"
    empty_hint = later("把在售的产品加进来，导入的消费明细会按编码对上。")
    search_hint = later("编码或名称")
    column_list = ("sku", "name", "category", "series", "price_fen", "is_active")
    column_searchable_list = ("sku", "name")
    column_sortable_list = ("sku", "name", "price_fen")
    column_default_sort = "sku"
    column_details_list = ("sku", "name", "category", "series", "price_fen", "registration_no", "is_active")
    form_columns = column_details_list
    form_args: ClassVar = {"registration_no": {"description": later("特殊化妆品填注册证号，普通化妆品填备案号")}}
    column_filters = (
        WordFilter(Product.category, later("类别")),
        YesFilter(Product.is_active, later("状态"), yes=later("在售"), no=later("已下架")),
    )
    column_labels: ClassVar = {
        "sku": later("商品编码"),
        "name": later("名称"),
        "category": later("类别"),
        "series": later("系列"),
        "price_fen": later("价格（元）"),
        "registration_no": later("备案或注册号"),
        "is_active": later("启用"),
    }


class PurchaseAdmin(BigLedgerView, model=Purchase):
    """What the till told us: read, never edited."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("消费"), later("消费记录"), "fa-solid fa-receipt"
    empty_hint = later("用“店铺”里的“导入表格”把收银系统的消费表搬进来，这里就有了。")
    search, search_hint = finding.purchases_like, later("单号、顾客姓名或手机后四位")
    column_list = ("order_no", "occurred_at", "customer", "paid_fen", "refund_of_id", "channel", "store")
    column_searchable_list = ("order_no",)
    column_sortable_list = ("occurred_at",)
    column_default_sort = ("occurred_at", True)
    column_formatters: ClassVar = {"refund_of_id": formats.slip, "customer": formats.buyer}
    column_formatters_detail: ClassVar = {"refund_of_id": formats.slip}
    export_formatted = frozenset({"refund_of_id"})
    column_details_list = (
        "order_no", "occurred_at", "customer", "buyer_member_no", "buyer_phone_masked", "claimed_at", "paid_fen",
        "refund_of_id", "channel", "store", "created_at",
    )  # fmt: skip
    deeds = (
        Deed(
            "claim",
            later("认领"),
            claims.claim_by_number,
            ("purchases", "claim"),
            {"member_no": StringField(**asks(later("会员号或完整手机号"), required=True))},
            done=later("已认领，这一单和它的退款都归到这位顾客名下"),
            hint=later("收银时登记的人还不在会员里。确认是哪位顾客，再归到她名下。"),
            when=claims.is_waiting,
        ),
    )
    column_filters = (
        MeaningFilter("occurred", _WHEN, **spans(Purchase.occurred_at)),
        MeaningFilter(
            "slip",
            later("类型"),
            sale=(later("消费"), partial(scopes.slips, scopes.Slip.SALE)),
            refund=(later("退款"), partial(scopes.slips, scopes.Slip.REFUND)),
        ),
        MeaningFilter("claim", later("认领"), waiting=(later("等待认领"), scopes.waiting_sales)),
        WordFilter(Purchase.channel, later("渠道")),
    )
    column_labels: ClassVar = {
        "order_no": later("单号"),
        "occurred_at": _WHEN,
        "customer": later("顾客"),
        "buyer_member_no": later("收银登记的会员号"),
        "buyer_phone_masked": later("收银登记的手机"),
        "claimed_at": later("认领时间"),
        "paid_fen": later("实付"),
        "refund_of_id": later("类型"),
        "channel": later("渠道"),
        "store": later("门店"),
        "created_at": later("录入时间"),
    }
    children = (
        Child(
            later("明细"),
            PurchaseLine.purchase_id,
            {
                PurchaseLine.item: later("品名"),
                PurchaseLine.category: later("类别"),
                PurchaseLine.quantity: later("数量"),
                PurchaseLine.unit_price_fen: later("单价"),
                PurchaseLine.amount_fen: later("金额"),
                PurchaseLine.staff: later("员工"),
            },
            order=PurchaseLine.position,
            limit=200,
            related=(PurchaseLine.staff,),
        ),
    )


class PointsAccountAdmin(BigLedgerView, model=PointsAccount):
    """Who has how many points, and whose books do not agree."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("积分账户"), later("积分账户"), "fa-solid fa-piggy-bank"
    empty_hint = later("第一次记积分时，顾客的账户会自己出现在这里。")
    column_list = ("customer", "balance", "frozen_at")
    column_details_list = ("customer", "balance", "seq", "frozen_at", "closed_at")
    column_filters = (MeaningFilter("frozen", later("核对"), yes=(later("对不上，已暂停兑换"), scopes.frozen)),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "balance": later("积分余额"),
        "seq": later("记过几笔"),
        "frozen_at": later("暂停兑换"),
        "closed_at": later("已并入别的档案"),
    }
    deeds = (
        Deed(
            "release",
            later("恢复兑换"),
            points.release_account,
            ("points_accounts", "release"),
            done=later("已恢复兑换"),
            hint=later("先核对下面的明细。账还对不上时不能恢复。"),
            when=lambda account: account.frozen_at is not None,
        ),
    )
    children = (
        Child(
            later("积分明细"),
            PointsEntry.account_id,
            {
                PointsEntry.at: _WHEN,
                PointsEntry.kind: later("类型"),
                PointsEntry.points: later("积分"),
                PointsEntry.balance_after: later("之后余额"),
                PointsEntry.reason: later("原因"),
                PointsEntry.staff: later("员工"),
            },
            order=PointsEntry.seq,
            newest_first=True,
            related=(PointsEntry.staff,),
        ),
        Child(
            later("积分批次"),
            PointsLot.account_id,
            {
                PointsLot.earned_on: later("得到日期"),
                PointsLot.points: later("积分"),
                PointsLot.remaining: later("还剩"),
                PointsLot.expires_on: later("有效到"),
            },
            order=PointsLot.id,
            newest_first=True,
        ),
    )


class PointsEntryAdmin(OfAnAccount, BigLedgerView, model=PointsEntry):
    """Every movement of points: read, never edited."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("积分明细"), later("积分明细"), "fa-solid fa-coins"
    empty_hint = later("获得、兑换、过期、冲回的每一笔都会写在这里，不能改也不能删。")
    column_list = ("at", "account", "kind", "points", "balance_after", "reason")
    column_details_list = (
        "at", "account", "kind", "points", "balance_after", "reason", "reference", "purchase", "staff"
    )  # fmt: skip
    column_sortable_list = ("at",)
    column_default_sort = ("at", True)
    column_filters = (
        MeaningFilter("at", _WHEN, **spans(PointsEntry.at)),
        WordFilter(PointsEntry.kind, later("类型")),
    )
    column_labels: ClassVar = {
        "at": _WHEN,
        "account": later("顾客"),
        "kind": later("类型"),
        "points": later("积分"),
        "balance_after": later("之后余额"),
        "reason": later("原因"),
        "reference": later("单号"),
        "purchase": later("消费"),
        "staff": later("员工"),
    }


class PointsLotAdmin(OfAnAccount, BigLedgerView, model=PointsLot):
    """Points by the day they end."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("积分批次"), later("积分批次"), "fa-solid fa-layer-group"
    in_menu = False
    column_list = ("account", "points", "remaining", "earned_on", "expires_on")
    column_details_list = (*column_list, "entry")
    column_labels: ClassVar = {
        "account": later("顾客"),
        "points": later("积分"),
        "remaining": later("还剩"),
        "earned_on": later("得到日期"),
        "expires_on": later("有效到"),
        "entry": later("哪一笔"),
    }


class VisitAdmin(Retags, AsksForConsent, BigSetupView, model=Visit):
    """Who came, what was done, how it turned out."""

    category, category_icon = _LOYALTY
    name, name_plural, icon = later("到店"), later("到店记录"), "fa-solid fa-door-open"
    empty_hint = later("每次护理后记一笔：谁做的、做了什么、效果怎么样。")
    can_delete = False
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("visited_at", "customer", "treatment", "staff", "outcome", "effect_score")
    column_sortable_list = ("visited_at",)
    column_default_sort = ("visited_at", True)
    column_details_list = (
        "customer", "visited_at", "treatment", "staff", "store", "outcome", "effect_score", "note", "created_at"
    )  # fmt: skip
    form_columns = ("customer", "visited_at", "treatment", "staff", "store", "outcome", "effect_score", "note")
    form_args: ClassVar = {"effect_score": {"description": later("1–5 分，5 最好"), "validators": [NumberRange(1, 5)]}}
    column_filters = (WordFilter(Visit.outcome, later("效果")),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "visited_at": later("到店时间"),
        "treatment": later("护理项目"),
        "staff": later("员工"),
        "store": later("门店"),
        "outcome": later("效果"),
        "effect_score": later("效果评分"),
        "note": later("护理记录"),
        "created_at": later("录入时间"),
    }
    deeds = (agreed_deed(partial(consents.agree_to_health, table=Visit)),)


# ── Voice ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_VOICE = (later("顾客声音"), "fa-solid fa-comments")


class ComplaintAdmin(BigView, model=Complaint):
    """Cases with their deadline: taken down, answered, solved, closed."""

    category, category_icon = _VOICE
    name, name_plural, icon = later("反馈单"), later("投诉与反馈"), "fa-solid fa-comment-dots"
    empty_hint = later("顾客当面、电话或在网上说的，都登记在这里，系统会看着答复时限。")
    search, search_hint = finding.complaints_like, later("编号、联系人、顾客姓名或手机后四位")
    can_edit = can_delete = False
    takes, on_create = complaints.ComplaintIntake, complaints.open_complaint
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("receipt_no", "kind", "status", "due_at", "customer", "contact_name", "contact_masked", "opened_at")
    column_searchable_list = ("receipt_no",)
    column_sortable_list = ("due_at", "opened_at")
    column_default_sort = ("opened_at", True)
    column_formatters: ClassVar = {"due_at": formats.due}
    column_formatters_detail: ClassVar = {"due_at": formats.due}
    column_details_list = (
        "receipt_no", "kind", "status", "due_at", "text", "customer", "contact_name", "contact_masked", "channel", "store",
        "staff", "opened_at", "first_replied_at", "solved_at", "closed_at",
    )  # fmt: skip
    form_columns = ("kind", "channel", "text", "customer", "contact_name", "contact_phone", "store")
    extra_fields: ClassVar = {
        "contact_phone": StringField(**asks(later("联系电话"), hint=later("保存后只显示后四位"))),
    }
    form_args: ClassVar = {"contact_name": {"description": later("不是会员的顾客，留个称呼和电话")}}
    column_filters = (
        WordFilter(Complaint.status, later("进度")),
        MeaningFilter(
            "case",
            later("时限"),
            open=(later("未解决"), partial(scopes.cases, scopes.CaseState.OPEN)),
            overdue=(later("已逾期"), partial(scopes.cases, scopes.CaseState.OVERDUE)),
            due_soon=(later("快到时限"), partial(scopes.cases, scopes.CaseState.DUE_SOON)),
        ),
        WordFilter(Complaint.kind, later("类型")),
    )
    column_labels: ClassVar = {
        "receipt_no": later("编号"),
        "kind": later("类型"),
        "status": later("进度"),
        "due_at": later("答复时限"),
        "text": later("顾客说"),
        "customer": later("顾客"),
        "contact_name": later("联系人"),
        "contact_masked": later("联系电话"),
        "contact_phone": later("联系电话"),
        "channel": later("从哪里听到"),
        "store": later("门店"),
        "staff": later("负责人"),
        "opened_at": later("登记时间"),
        "first_replied_at": later("首次答复"),
        "solved_at": later("给出办法"),
        "closed_at": later("结案"),
        "reason": _WHY,
    }
    deeds = (
        _reveal(Complaint, lambda case: bool(case.contact_masked)),
        Deed(
            "reply",
            later("回复"),
            complaints.reply_to_complaint,
            ("complaints", "reply"),
            {
                "text": TextAreaField(**asks(later("回复内容"), required=True, hint=later("顾客会看到这段话"))),
                "solves": BooleanField(later("这就是解决办法")),
            },
            done=later("已回复"),
            when=lambda case: case.status is not ComplaintStatus.CLOSED,
        ),
        Deed(
            "note",
            later("记备注"),
            complaints.note_on_complaint,
            ("complaints", "note"),
            {"text": TextAreaField(**asks(later("内部备注"), required=True, hint=later("只有同事看得到")))},
            done=later("备注已记下"),
        ),
        Deed(
            "close",
            later("结案"),
            complaints.close_complaint,
            ("complaints", "close"),
            {"text": TextAreaField(**asks(later("结案说明")))},
            done=later("已结案"),
            when=lambda case: case.status is ComplaintStatus.SOLVED,
        ),
        Deed(
            "reopen",
            later("重新打开"),
            complaints.reopen_complaint,
            ("complaints", "reply"),
            {"text": TextAreaField(**asks(later("为什么重新打开"), required=True))},
            done=later("已重新打开"),
            when=lambda case: case.status not in OPEN,
        ),
    )
    children = (
        Child(
            later("处理经过"),
            ComplaintEvent.complaint_id,
            {
                ComplaintEvent.at: _WHEN,
                ComplaintEvent.kind: later("步骤"),
                ComplaintEvent.staff: later("员工"),
                ComplaintEvent.text: later("内容"),
            },
            order=ComplaintEvent.id,
            limit=200,
            related=(ComplaintEvent.staff,),
        ),
    )


class ComplaintEventAdmin(BigLedgerView, model=ComplaintEvent):
    """Every step of every case."""

    category, category_icon = _VOICE
    name, name_plural, icon = later("处理步骤"), later("处理步骤"), "fa-solid fa-list-check"
    column_list = ("at", "complaint", "kind", "staff")
    column_details_list = ("at", "complaint", "kind", "staff", "text")
    column_filters = (WordFilter(ComplaintEvent.kind, later("步骤")),)
    column_labels: ClassVar = {
        "at": _WHEN,
        "complaint": later("反馈单"),
        "kind": later("步骤"),
        "staff": later("员工"),
        "text": later("内容"),
    }


class SurveyAdmin(PrintsPoster, DraftView, model=Survey):
    """Questionnaires behind a QR code."""

    category, category_icon = _VOICE
    name, name_plural, icon = later("问卷"), later("问卷"), "fa-solid fa-clipboard-question"
    empty_hint = later("先建一份问卷，再加题目，发布后打印海报。")
    search_hint = later("标题或网址")
    takes, on_create, on_edit = survey_sheets.SurveyDetails, survey_sheets.create_survey, survey_sheets.update_survey
    before_delete = survey_sheets.check_survey_may_go
    opens_once_created = True
    goes_while = survey_sheets.is_draft
    column_list = ("title", "slug", "mode", "status", "store", "created_at")
    column_searchable_list = ("title", "slug")
    column_sortable_list = ("title", "created_at")
    column_default_sort = ("created_at", True)
    column_details_list = (
        "title", "slug", "mode", "status", "intro", "thanks", "store", "opens_at", "closes_at", "created_at"
    )  # fmt: skip
    form_columns = ("title", "slug", "mode", "intro", "thanks", "store", "opens_at", "closes_at")
    form_overrides: ClassVar = {"intro": TextAreaField, "thanks": TextAreaField}
    form_args: ClassVar = {
        "slug": {"description": later("印进二维码的网址，只用小写字母、数字和横线，如 spring-2026")},
        "intro": {"description": later("谁在问、为什么问、要多久")},
        "opens_at": {"description": later("不填表示发布后就可以答")},
        "closes_at": {"description": later("不填表示一直可以答")},
    }
    column_filters = (WordFilter(Survey.status, later("状态")),)
    column_labels: ClassVar = {
        "title": later("标题"),
        "slug": later("网址"),
        "mode": later("回答方式"),
        "status": later("状态"),
        "intro": later("开场白"),
        "thanks": later("致谢"),
        "store": later("门店"),
        "opens_at": later("开始时间"),
        "closes_at": later("结束时间"),
        "created_at": later("创建时间"),
    }
    deeds = (
        Deed(
            "publish",
            later("发布"),
            surveys.publish_survey,
            ("surveys", "edit"),
            done=later("问卷已发布，可以打印海报了"),
            hint=later("发布后题目就不能再改。"),
            when=lambda survey: survey.status is not SurveyStatus.PUBLISHED,
        ),
        Deed(
            "close",
            later("结束问卷"),
            surveys.close_survey,
            ("surveys", "edit"),
            done=later("问卷已结束，不再收新的回答"),
            hint=later("之后扫码的顾客会看到“已结束”。"),
            when=lambda survey: survey.status is SurveyStatus.PUBLISHED,
            is_grave=True,
            closes=True,
        ),
    )
    children = (
        Child(
            later("题目"),
            SurveyQuestion.survey_id,
            {
                SurveyQuestion.position: later("顺序"),
                SurveyQuestion.text: later("题目"),
                SurveyQuestion.kind: later("题型"),
                SurveyQuestion.dimension: later("方面"),
                SurveyQuestion.weight: later("权重"),
            },
            order=SurveyQuestion.position,
            limit=100,
            add=later("加一道题"),
            add_while=survey_sheets.is_draft,
        ),
    )


class PosterPrinting(PostersPage):
    """Survey posters for the printer."""

    category, category_icon = _VOICE
    name, icon = later("打印海报"), "fa-solid fa-qrcode"


class SurveyQuestionAdmin(DraftView, model=SurveyQuestion):
    """One screen on the customer's phone each."""

    category, category_icon = _VOICE
    name, name_plural, icon = later("题目"), later("问卷题目"), "fa-solid fa-circle-question"
    empty_hint = later("一道题在顾客手机上就是一屏，三到五题最合适。")
    search_hint = later("题目")
    takes, on_create, on_edit = (
        survey_sheets.QuestionDetails, survey_sheets.create_question, survey_sheets.update_question
    )  # fmt: skip
    holds, before_delete = survey_sheets.hold_question, survey_sheets.check_question_may_go
    together = (("kind", "options", "scale_max"),)
    changes_while = goes_while = survey_sheets.is_of_draft
    choices: ClassVar = {
        "survey": Choice(draft_surveys, none=later("没有草稿问卷可以加题。请先新建一份问卷；发布过的问卷不能再加题。"))
    }
    column_list = ("survey", "position", "text", "kind", "dimension", "weight", "is_required")
    column_searchable_list = ("text",)
    column_sortable_list = ("position",)
    column_default_sort: ClassVar = [("survey_id", False), ("position", False)]
    column_details_list = (
        "survey", "position", "key", "text", "kind", "hint", "options", "dimension", "weight", "scale_max", "is_required"
    )  # fmt: skip
    form_columns = (
        "survey", "text", "kind", "hint", "options", "dimension", "weight", "scale_max", "is_required", "position", "key"
    )  # fmt: skip
    form_create_rules: ClassVar = list(form_columns)
    form_edit_rules: ClassVar = [one for one in form_columns if one != "survey"]
    form_overrides: ClassVar = {"options": TextAreaField}
    extra_fields: ClassVar = {
        "position": CountField(later("顺序"), [Optional(), NumberRange(1, 1000)], description=later("留空排在最后")),
        "key": StringField(
            **asks(later("代号"), hint=later("小写英文，统计时用；留空自动取"), validators=[Length(max=40)])
        ),
    }
    form_args: ClassVar = {
        "options": {"description": later("单选、多选：一行一个选项")},
        "dimension": {"description": later("总分按方面加权，如 环境、服务质量")},
        "weight": {"description": later("整数，0 表示不计入总分"), "validators": [NumberRange(0, 100)]},
        "scale_max": {"description": later("打分题的满分，2–10"), "validators": [NumberRange(2, 10)]},
        "is_required": {"description": later("文字题建议关掉，没话要说的顾客才能跳过；联系方式总是可以不填")},
    }
    column_filters = (RelationFilter(SurveyQuestion.survey, later("问卷")),)
    column_labels: ClassVar = {
        "survey": later("问卷"),
        "position": later("顺序"),
        "key": later("代号"),
        "text": later("题目"),
        "kind": later("题型"),
        "hint": later("提示"),
        "options": later("选项"),
        "dimension": later("方面"),
        "weight": later("权重"),
        "scale_max": later("满分"),
        "is_required": later("必答"),
    }


class SurveyResponseAdmin(BigLedgerView, model=SurveyResponse):
    """What customers answered."""

    category, category_icon = _VOICE
    name, name_plural, icon = later("问卷回答"), later("问卷回答"), "fa-solid fa-square-poll-horizontal"
    empty_hint = later("发布问卷、打印海报，顾客扫码答完就会出现在这里。")
    column_list = ("started_at", "survey", "state", "score", "nps", "customer", "contact_masked", "finished_at")
    column_sortable_list = ("started_at", "finished_at")
    column_default_sort = ("started_at", True)
    column_formatters: ClassVar = {"score": formats.score}
    column_formatters_detail: ClassVar = {"score": formats.score}
    column_details_list = (
        "survey", "state", "score", "nps", "is_low", "customer", "contact_name", "contact_masked", "started_at",
        "finished_at",
    )  # fmt: skip
    column_filters = (
        RelationFilter(SurveyResponse.survey, later("问卷")),
        YesFilter(SurveyResponse.is_low, later("得分"), yes=later("低分"), no=later("不是低分")),
        MeaningFilter("finished", later("答完"), **spans(SurveyResponse.finished_at)),
        WordFilter(SurveyResponse.state, later("状态")),
    )
    column_labels: ClassVar = {
        "survey": later("问卷"),
        "state": later("状态"),
        "score": later("得分"),
        "nps": later("推荐意愿"),
        "is_low": later("低分"),
        "customer": later("顾客"),
        "contact_name": later("称呼"),
        "contact_masked": later("联系电话"),
        "started_at": later("开始时间"),
        "finished_at": later("答完时间"),
    }
    children = (
        Child(
            later("回答"),
            SurveyAnswer.response_id,
            {SurveyAnswer.question: later("题目"), SurveyAnswer.value: later("回答")},
            order=SurveyAnswer.id,
            limit=100,
            related=(SurveyAnswer.question,),
        ),
    )


# ── Outreach ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class OutboundMessageAdmin(BigLedgerView, model=OutboundMessage):
    """What was told to customers, or is about to be."""

    category, category_icon = later("触达"), "fa-solid fa-paper-plane"
    name, name_plural, icon = later("消息"), later("发出的消息"), "fa-solid fa-envelope"
    empty_hint = later("系统要告诉顾客的话，会先排在这里，再由后台任务发出。")
    column_list = ("due_at", "customer", "purpose", "channel", "subject", "state", "sent_at")
    column_sortable_list = ("due_at",)
    column_details_list = (
        "customer", "purpose", "channel", "subject", "body", "state", "due_at", "sent_at", "attempts", "last_error"
    )  # fmt: skip
    column_filters = (
        WordFilter(OutboundMessage.state, later("状态")),
        WordFilter(OutboundMessage.purpose, later("用途")),
    )
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "purpose": later("用途"),
        "channel": later("渠道"),
        "subject": later("标题"),
        "body": later("内容"),
        "state": later("状态"),
        "due_at": later("计划时间"),
        "sent_at": later("发送时间"),
        "attempts": later("试过几次"),
        "last_error": later("没发成的原因"),
    }


# ── Shop ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

_SHOP = (later("店铺"), "fa-solid fa-store")


class ShopSettings(SettingsPage):
    """The shop's rules."""

    category, category_icon = _SHOP
    name, icon = later("店里的规则"), "fa-solid fa-sliders"


class DemoShop(DemoPage):
    """The demo shop, and the way out of it."""

    category, category_icon = _SHOP
    name, icon = later("演示数据"), "fa-solid fa-wand-magic-sparkles"


class StaffAdmin(ActingView, model=Staff):
    """Who works here and signs in."""

    category, category_icon = _SHOP
    name, name_plural, icon = later("员工"), later("员工"), "fa-solid fa-id-badge"
    search_hint = later("姓名或登录名")
    can_delete = False
    takes, on_create, on_edit = staff.StaffDetails, staff.create_staff, staff.update_staff
    before_create, holds = passwords.hashed, staff.hold_staff
    column_list = ("name", "login", "role", "store", "is_active")
    column_searchable_list = ("name", "login")
    column_sortable_list = ("name", "login")
    column_default_sort = "id"
    column_details_list = (
        "name",
        "login",
        "role",
        "store",
        "locale",
        "is_active",
        "failed_logins",
        "created_at",
    )
    form_columns = ("name", "login", "password", "role", "store", "locale", "is_active")
    form_create_rules: ClassVar = ["name", "login", "password", "role", "store", "locale"]
    form_edit_rules: ClassVar = ["name", "login", "role", "store", "locale", "is_active"]
    extra_fields: ClassVar = {
        "password": PasswordField(
            later("初始密码"),
            [DataRequired()],
            description=later("至少 12 个字符，例如三四个不相干的词；当面告诉本人"),
            render_kw={"autocomplete": "new-password"},
        ),
        "locale": locale_field(later("界面语言")),
    }
    form_args: ClassVar = {"store": {"blank_text": later("全部门店")}}
    column_labels: ClassVar = {
        "name": later("姓名"),
        "login": later("登录名"),
        "role": later("角色"),
        "store": later("门店"),
        "locale": later("界面语言"),
        "is_active": later("在职"),
        "failed_logins": later("连续输错密码"),
        "created_at": later("创建时间"),
    }
    deeds = (
        Deed(
            "password",
            later("重设密码"),
            staff.reset_password,
            ("staff", "edit"),
            {
                "password": PasswordField(
                    later("新密码"),
                    [DataRequired()],
                    description=later("至少 12 个字符，例如三四个不相干的词；当面告诉本人"),
                    render_kw={"autocomplete": "new-password"},
                )
            },
            done=later("密码已重设，这个账号已在所有设备上退出"),
            before=passwords.hashed,
            overwrites=("password_hash",),
        ),
        Deed(
            "unlock",
            later("马上解除等待"),
            staff.unlock_staff,
            ("staff", "edit"),
            done=later("现在可以再试登录了"),
            when=lambda person: person.failed_logins > 0,
        ),
        Deed(
            "end-all",
            later("结束这个人的所有登录"),
            staff.end_sessions_of,
            ("sessions", "do"),
            done=later("这个人在所有设备上都已退出"),
            hint=later("手机丢了、怀疑密码泄露时用；之后最好再重设密码。您自己正在用的这台不受影响。"),
            is_grave=True,
        ),
        Deed(
            "disable",
            later("停用账号"),
            staff.disable_staff,
            ("staff", "edit"),
            done=later("账号已停用，所有设备都已退出"),
            hint=later("离职时用。名字会留在做过的事上。"),
            when=lambda person: person.is_active,
            is_grave=True,
        ),
    )
    children = (
        Child(
            later("最近登录"),
            StaffSession.staff_id,
            {
                StaffSession.created_at: later("登录时间"),
                StaffSession.last_seen_at: later("最近使用"),
                StaffSession.ended_at: later("退出时间"),
                StaffSession.ip: later("网络地址"),
            },
            order=StaffSession.last_seen_at,
            newest_first=True,
            limit=10,
        ),
    )


class WhoMayDoWhat(AccessPage):
    """The roles in words."""

    category, category_icon = _SHOP
    name, icon = later("谁能做什么"), "fa-solid fa-key"


class StaffSessionAdmin(LedgerView, model=StaffSession):
    """Who is signed in where, and the way to end it."""

    category, category_icon = _SHOP
    name, name_plural, icon = later("登录"), later("谁在登录"), "fa-solid fa-right-to-bracket"
    column_list = ("staff", "staff.role", "user_agent", "created_at", "last_seen_at", "ip", "ended_at")
    column_default_sort = ("last_seen_at", True)
    column_details_list = (
        "staff", "staff.role", "user_agent", "ip", "created_at", "last_seen_at", "expires_at", "ended_at"
    )  # fmt: skip
    column_formatters: ClassVar = {
        "staff.role": formats.role, "user_agent": formats.device, "ended_at": formats.standing_of
    }  # fmt: skip
    column_formatters_detail: ClassVar = column_formatters
    column_filters = (
        StandingFilter(
            "state",
            later("状态"),
            live=(later("正在登录"), scopes.signed_in_now),
            over=(later("已退出"), scopes.signed_out),
        ),
        RelationFilter(StaffSession.staff, later("员工")),
    )
    column_labels: ClassVar = {
        "staff": later("员工"),
        "staff.role": later("角色"),
        "created_at": later("登录时间"),
        "last_seen_at": later("最近使用"),
        "expires_at": later("最晚到"),
        "ended_at": later("状态"),
        "ip": later("网络地址"),
        "user_agent": later("设备"),
    }
    deeds = (
        Deed(
            "end",
            later("结束这台设备的登录"),
            staff.end_session,
            ("sessions", "do"),
            done=later("已结束登录"),
            hint=later("那台设备上的下一步操作就要重新登录。"),
            when=lambda visit: visit.ended_at is None,
            is_grave=True,
        ),
        Deed(
            "end-all",
            later("结束这个人的所有登录"),
            staff.end_sessions_beside,
            ("sessions", "do"),
            done=later("这个人在所有设备上都已退出"),
            hint=later("手机丢了、怀疑密码泄露时用；之后最好再重设密码。您自己正在用的这台不受影响。"),
            is_grave=True,
        ),
    )


class StoreAdmin(SetupView, model=Store):
    """The shops of the house."""

    category, category_icon = _SHOP
    name, name_plural, icon = later("门店"), later("门店"), "fa-solid fa-shop"
    can_delete = False
    column_list = ("code", "name", "phone", "address", "is_active")
    column_sortable_list = ("code", "name")
    column_default_sort = "id"
    column_details_list = column_list
    form_columns = column_list
    column_labels: ClassVar = {
        "code": later("编码"),
        "name": later("名称"),
        "phone": later("电话"),
        "address": later("地址"),
        "is_active": later("营业"),
    }


class ImportWizard(ImportStart):
    """A till's file comes in."""

    category, category_icon = _SHOP
    name, icon = later("导入表格"), "fa-solid fa-file-import"


class ImportBatchAdmin(LedgerView, model=ImportBatch):
    """Files that came in, with the rows that did not."""

    category, category_icon = _SHOP
    name, name_plural, icon = later("导入"), later("导入记录"), "fa-solid fa-file-import"
    details_template = "imports/details.html"
    empty_hint = later("在“导入表格”里选一个文件，就会有一条记录。")
    column_list = ("started_at", "kind", "file_name", "stage", "rows", "created", "updated", "unchanged", "rejected")
    column_details_list = (
        "kind", "file_name", "stage", "mode", "store", "started_at", "finished_at", "rows", "created", "updated", "unchanged",
        "rejected", "staff", "reverted_at", "reverted_staff"
    )  # fmt: skip
    column_labels: ClassVar = {
        "kind": later("内容"),
        "file_name": later("文件"),
        "stage": later("进度"),
        "mode": later("怎么导"),
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
    children = (Listed(later("没有导入的行"), (later("行号"), later("列"), later("原因")), rejected_rows),)


class ImportMapAdmin(SetupView, model=ImportMap):
    """What tills call their columns, as it was kept for the next file."""

    category, category_icon = _SHOP
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


class ApiKeyAdmin(ActingView, model=ApiKey):
    """Keys of tills and other programs. One is shown once, when it is made; here stands only who has one."""

    category, category_icon = _SHOP
    name, name_plural, icon = later("接口密钥"), later("接口密钥"), "fa-solid fa-plug"
    empty_hint = later("收银系统或网店要连进来，就在这里给它一把密钥，再打开那条记录点“生成密钥”。")
    search_hint = later("名字")
    can_edit = can_delete = False
    # The key itself is made there: a new one leads to it.
    own_page = "/admin/api-key/details/{id}"
    takes, on_create = KeyDetails, api_keys.create_api_key
    column_list = ("name", "store", "created_at", "last_used_on", "revoked_at")
    column_searchable_list = ("name",)
    column_default_sort = "id"
    column_details_list = column_list
    form_columns = ("name", "store")
    form_args: ClassVar = {
        "name": {"description": later("写哪台机器、哪个程序，如 前台收银机；做过的事会记在这个名字下")},
        "store": {
            "blank_text": later("全部门店"),
            "description": later("选了门店，就只看得到这家店的顾客、只能记这家店的消费"),
        },
    }
    column_labels: ClassVar = {
        "name": later("名字"),
        "store": later("门店"),
        "created_at": later("创建时间"),
        "last_used_on": later("最近使用"),
        "revoked_at": later("停用时间"),
    }
    deeds = (
        Deed(
            "issue",
            later("生成密钥"),
            api_keys.issue_api_key,
            ("api_keys", "edit"),
            hint=later("密钥只显示这一次；以前给过的那一把马上失效。"),
            when=lambda key: key.revoked_at is None,
            answer="backoffice/key.html",
        ),
        Deed(
            "revoke",
            later("停用"),
            api_keys.revoke_api_key,
            ("api_keys", "edit"),
            done=later("密钥已停用，用它的程序现在起进不来"),
            hint=later("机器丢了、换了供应商时用。停用后不能恢复，要用就新建一把。"),
            when=lambda key: key.revoked_at is None,
            is_grave=True,
            closes=True,
        ),
    )


class JobAdmin(BigLedgerView, model=Job):
    """What the machine has to do; what it gave up waits here for a person."""

    category, category_icon = _SHOP
    name, name_plural, icon = later("后台任务"), later("后台任务"), "fa-solid fa-gears"
    empty_hint = later("胭脂夜里备份、核对，要做的事会排在这里。")
    column_list = ("kind", "stage", "due_at", "attempts", "last_error")
    column_details_list = (
        "kind", "key", "stage", "due_at", "attempts", "last_error", "leased_by", "lease_until", "created_at", "finished_at"
    )  # fmt: skip
    column_formatters: ClassVar = {"kind": formats.job_kind, "stage": formats.job_stage}
    column_formatters_detail: ClassVar = column_formatters
    column_filters = (WordFilter(Job.stage, later("进度")),)
    column_labels: ClassVar = {
        "kind": later("任务"),
        "key": later("编号"),
        "stage": later("进度"),
        "due_at": later("最早什么时候做"),
        "attempts": later("试过几次"),
        "last_error": later("为什么没做成"),
        "leased_by": later("哪台机器做的"),
        "lease_until": later("最晚做到"),
        "created_at": later("登记时间"),
        "finished_at": later("完成"),
    }
    deeds = (
        Deed(
            "retry",
            later("再试一次"),
            jobs.retry_job,
            ("jobs", "retry"),
            done=later("已重新排队，马上再试"),
            hint=later("先看看“为什么没做成”，解决了再试。"),
            when=lambda job: job.stage is JobStage.DEAD,
        ),
    )


class JobRunAdmin(BigLedgerView, model=JobRun):
    """What the machine did by itself."""

    category, category_icon = _SHOP
    name, name_plural, icon = later("运行记录"), later("运行记录"), "fa-solid fa-list-check"
    empty_hint = later("定时任务运行后，这里会有记录。")
    column_list = ("name", "started_at", "finished_at", "state", "outcome")
    column_details_list = column_list
    column_formatters: ClassVar = {"name": formats.job_kind, "state": formats.job_state}
    column_formatters_detail: ClassVar = column_formatters
    column_filters = (WordFilter(JobRun.state, later("状态")),)
    column_labels: ClassVar = {
        "name": later("任务"),
        "started_at": later("开始"),
        "finished_at": later("完成"),
        "state": later("状态"),
        "outcome": later("结果"),
    }


class Journal(JournalPage):
    """Who did what, and who saw whom."""

    category, category_icon = _SHOP
    name, icon = later("操作日志"), "fa-solid fa-clock-rotate-left"


class AuditEntryAdmin(BigLedgerView, model=AuditEntry):
    """The journal as a table, to be taken out as a file; people read it on its page."""

    category, category_icon = _SHOP
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
        "at": _WHEN,
        "actor": later("谁"),
        "staff": later("员工"),
        "action": later("做了什么"),
        "subject": later("对什么"),
        "subject_id": later("编号"),
        "changes": later("改了什么"),
    }


VIEWS = (
    Desk, CustomerProfile,
    CustomerAdmin, Duplicates, Merging, CustomerMergeAdmin, CardPrinting, SkinRecordAdmin, Photographs, PicturePage,
    PhotoAdmin, SocialAccountAdmin, ContactEventAdmin, SignUpAdmin, ConsentAdmin, PurposeRegister,
    TagList, Tagging, TagRules, TagAdmin,
    PurchaseAdmin, VisitAdmin, PointsAccountAdmin, PointsEntryAdmin, PointsLotAdmin, TierAdmin, TreatmentAdmin, ProductAdmin,
    ComplaintAdmin, SurveyResponseAdmin, SurveyAdmin, PosterPrinting, SurveyQuestionAdmin, ComplaintEventAdmin,
    OutboundMessageAdmin,
    ShopSettings, DemoShop, StaffAdmin, StoreAdmin, StaffSessionAdmin, WhoMayDoWhat,
    ImportWizard, ImportBatchPage, ImportUndoPage, ImportRefusedPage, ImportSamplePage, ImportBatchAdmin, ImportMapAdmin, ApiKeyAdmin, JobAdmin,
    JobRunAdmin, Journal,
    AuditEntryAdmin,
)  # fmt: skip


def install(app: FastAPI, database: Database, settings: Settings) -> RougeAdmin:
    """Mount the back office at /admin."""
    back_office = RougeAdmin(app, database, settings)
    for view in VIEWS:
        back_office.add_view(view)
    back_office.close()
    return back_office
