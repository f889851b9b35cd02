"""Keys of tills and other programs."""

from typing import ClassVar

from app.actions import api_keys
from app.admin_base import ActingView, Deed
from app.i18n import later, one
from app.models import ApiKey
from app.registers.sections import SHOP
from app.rules.api_keys import KeyDetails


class ApiKeyAdmin(ActingView, model=ApiKey):
    """Keys of tills and other programs. One is shown once, when it is made; here stands only who has one."""

    category, category_icon = SHOP
    name, name_plural, icon = one("接口密钥"), later("接口密钥"), "fa-solid fa-plug"
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
