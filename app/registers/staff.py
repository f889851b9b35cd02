"""Who works here, what each may do, and who is signed in where."""

from typing import ClassVar

from wtforms import PasswordField
from wtforms.validators import DataRequired

from app.actions import staff
from app.admin_base import (
    AccessPage,
    ActingView,
    Child,
    Deed,
    LedgerView,
    RelationFilter,
    StandingFilter,
    formats,
    locale_field,
    passwords,
)
from app.i18n import later
from app.models import Staff, StaffSession
from app.queries import scopes
from app.registers.sections import SHOP


class StaffAdmin(ActingView, model=Staff):
    """Who works here and signs in."""

    category, category_icon = SHOP
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

    category, category_icon = SHOP
    name, icon = later("谁能做什么"), "fa-solid fa-key"


class StaffSessionAdmin(LedgerView, model=StaffSession):
    """Who is signed in where, and the way to end it."""

    category, category_icon = SHOP
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
