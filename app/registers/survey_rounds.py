"""How surveys reach customers: addresses of their own, rounds, personal links."""

from typing import ClassVar

from wtforms.validators import NumberRange

from app.actions import survey_invitations, survey_places, survey_waves
from app.admin_base import BigLedgerView, Choice, Deed, DraftView, MeaningFilter, RelationFilter, WordFilter, YesFilter
from app.i18n import later
from app.models import SurveyInvitation, SurveyPlace, SurveyWave
from app.queries import survey_rounds
from app.queries.surveys import standing_surveys
from app.registers.sections import VOICE
from app.vocabulary import WaveState

_NO_SURVEY = later("还没有问卷。请先新建一份。")


class SurveyPlaceAdmin(DraftView, model=SurveyPlace):
    """Codes on tables, tablets at counters, links on websites: each an address of its own."""

    category, category_icon = VOICE
    name, name_plural, icon = later("问卷二维码"), later("问卷二维码"), "fa-solid fa-location-dot"
    empty_hint = later("同一份问卷放在几个地方，各用一个网址，就能分开看是哪里收到的回答。")
    search_hint = later("名称或网址")
    can_delete = False
    takes, on_create, on_edit = survey_places.PlaceDetails, survey_places.create_place, survey_places.update_place
    choices: ClassVar = {"survey": Choice(standing_surveys, none=_NO_SURVEY)}
    column_list = ("survey", "name", "slug", "way", "channel", "store", "staff", "is_active")
    column_searchable_list = ("name", "slug")
    column_sortable_list = ("name",)
    column_details_list = (*column_list, "created_at")
    form_columns = ("survey", "name", "slug", "way", "channel", "store", "staff", "is_active")
    form_create_rules: ClassVar = list(form_columns)
    form_edit_rules: ClassVar = [one for one in form_columns if one != "survey"]
    form_args: ClassVar = {
        "name": {"description": later("放在哪里，如 一号台、前台平板、公众号菜单")},
        "slug": {"description": later("印进二维码的网址，只用小写字母、数字和横线；有人答过就不能再改")},
        "staff": {"description": later("专门评价一位同事的，选她；回答会算到她名下")},
        "is_active": {"description": later("去掉勾，这个网址就不再收新的回答")},
    }
    column_filters = (
        RelationFilter(SurveyPlace.survey, later("问卷")),
        WordFilter(SurveyPlace.way, later("怎么答")),
        YesFilter(SurveyPlace.is_active, later("状态"), yes=later("在用"), no=later("已停用")),
    )
    column_labels: ClassVar = {
        "survey": later("问卷"),
        "name": later("名称"),
        "slug": later("网址"),
        "way": later("怎么答"),
        "channel": later("渠道"),
        "store": later("门店"),
        "staff": later("评价谁"),
        "is_active": later("启用"),
        "created_at": later("创建时间"),
    }


class SurveyWaveAdmin(DraftView, model=SurveyWave):
    """Rounds: a time in which answers belong together, and whom it asks."""

    category, category_icon = VOICE
    name, name_plural, icon = later("问卷一期"), later("问卷期次"), "fa-solid fa-calendar-days"
    empty_hint = later("同一份问卷按期来问，就能看出改了以后有没有变好。到时间会自动开始、自动结束。")
    search_hint = later("名称")
    can_delete = False
    takes, on_create, on_edit = survey_waves.WaveDetails, survey_waves.plan_wave, survey_waves.update_wave
    changes_while = survey_waves.is_unsettled
    choices: ClassVar = {"survey": Choice(standing_surveys, none=_NO_SURVEY)}
    column_list = ("survey", "name", "state", "audience", "tag", "opens_at", "closes_at", "repeat_months")
    column_searchable_list = ("name",)
    column_sortable_list = ("opens_at",)
    column_default_sort = ("opens_at", True)
    column_details_list = (*column_list, "invited_at", "created_at", "staff")
    form_columns = ("survey", "name", "opens_at", "closes_at", "audience", "tag", "repeat_months")
    form_create_rules: ClassVar = list(form_columns)
    form_edit_rules: ClassVar = [one for one in form_columns if one != "survey"]
    form_args: ClassVar = {
        "name": {"description": later("如 2026 年第四季度；结果按期比较")},
        "audience": {"description": later("会员和标签只发专属链接，只有从链接来的回答算进这一期")},
        "tag": {"description": later("只问一部分会员时，选他们的标签")},
        "repeat_months": {
            "description": later("几个月后再来一期，结束时自动排好；0 表示只问这一次"),
            "validators": [NumberRange(0, 24)],
        },
    }
    column_filters = (
        RelationFilter(SurveyWave.survey, later("问卷")),
        WordFilter(SurveyWave.state, later("状态")),
    )
    column_labels: ClassVar = {
        "survey": later("问卷"),
        "name": later("名称"),
        "state": later("状态"),
        "audience": later("问谁"),
        "tag": later("标签"),
        "opens_at": later("开始时间"),
        "closes_at": later("结束时间"),
        "repeat_months": later("每隔几个月"),
        "invited_at": later("邀请发完"),
        "created_at": later("创建时间"),
        "staff": later("谁排的"),
    }
    deeds = (
        Deed(
            "open",
            later("现在开始"),
            survey_waves.open_wave,
            ("survey_waves", "edit"),
            done=later("这一期已开始；要发的邀请过一会儿就写好"),
            hint=later("不等到开始时间，现在就收这一期的回答。"),
            when=lambda wave: wave.state is WaveState.PLANNED,
        ),
        Deed(
            "close",
            later("现在结束"),
            survey_waves.close_wave,
            ("survey_waves", "edit"),
            done=later("这一期已结束"),
            hint=later("之后扫码的回答不再算进这一期；已经发出的专属链接到期前还能答。"),
            when=lambda wave: wave.state is WaveState.OPEN,
            is_grave=True,
        ),
    )


class SurveyInvitationAdmin(BigLedgerView, model=SurveyInvitation):
    """Personal links: whom they ask, and whether they were opened. The address itself is shown to nobody."""

    category, category_icon = VOICE
    name, name_plural, icon = later("问卷邀请"), later("问卷邀请"), "fa-solid fa-envelope-open-text"
    empty_hint = later("排一期只问会员的问卷，到时间就会给每位会员做好专属链接，记在这里。")
    column_list = (
        "created_at", "survey", "wave", "customer", "channel", "delivered_at", "opened_at", "expires_at", "revoked_at"
    )  # fmt: skip
    column_sortable_list = ("created_at",)
    column_default_sort = ("created_at", True)
    column_details_list = (*column_list, "visit", "staff")
    column_filters = (
        RelationFilter(SurveyInvitation.survey, later("问卷")),
        RelationFilter(SurveyInvitation.wave, later("哪一期")),
        MeaningFilter("link", later("链接"), standing=(later("还能打开"), survey_rounds.links_that_open)),
    )
    column_labels: ClassVar = {
        "created_at": later("创建时间"),
        "survey": later("问卷"),
        "wave": later("哪一期"),
        "customer": later("顾客"),
        "channel": later("怎么发的"),
        "delivered_at": later("送到时间"),
        "opened_at": later("打开时间"),
        "expires_at": later("有效期至"),
        "revoked_at": later("停用时间"),
        "visit": later("到店"),
        "staff": later("谁发的"),
    }
    deeds = (
        Deed(
            "revoke",
            later("停用链接"),
            survey_invitations.revoke_invitation,
            ("survey_invitations", "edit"),
            done=later("链接已停用，打不开了；答过的都留着"),
            hint=later("发错了人，或者她不想答，就停用。"),
            when=lambda invitation: invitation.revoked_at is None,
            is_grave=True,
        ),
    )
