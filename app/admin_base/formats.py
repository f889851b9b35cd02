"""How single columns look where their value alone says too little."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from app.admin_base.asking import asking
from app.admin_base.journal_words import labels_of
from app.admin_base.journal_words import told as told_change
from app.admin_base.showing import Toned
from app.i18n import gettext, grouped, stamp, told
from app.labels import word_of
from app.queries.journal_pages import line_of
from app.queries.scopes import DUE_SOON
from app.rules.complaints import standing
from app.rules.devices import device_of
from app.rules.refusals import words
from app.rules.sessions import is_over
from app.vocabulary import JobKind, JobStage, JobState

_LATE = words("{at}，已逾期 {hours} 小时")
_LATE_DAYS = words("{at}，已逾期 {days} 天")
_SOON = words("{at}，还剩 {hours} 小时")
_PAST = words("{at}，已过时限")
_LOW = words("{score}，低分")
_REFUND = words("退款")
_SALE = words("消费")
_WAITS_FOR = words("等认领：{who}")
_WITHOUT_VIEW = {
    "purchase_lines": words("消费明细"),
    "survey_answers": words("问卷答案"),
    "survey_versions": words("问卷版本"),
    "survey_sections": words("问卷分段"),
    "survey_rules": words("跳题规则"),
    "customer_tags": words("顾客标签"),
    "customer_aliases": words("以前的会员号"),
    "duplicate_pairs": words("疑似重复的顾客"),
    "duplicates": words("疑似重复的顾客"),
    "merges": words("合并档案"),
    "policy_settings": words("店里的规则"),
    "purpose_rules": words("用途登记"),
    "public_tokens": words("专属链接"),
    "counters": words("编号"),
    "demo_marks": words("演示数据"),
    "backups": words("备份"),
    "shop": words("全部资料"),
    "dashboard": words("首页"),
    "health": words("健康与过敏提示"),
    "sessions": words("结束登录"),
    "admin": words("后台"),
}
_NO_LIMIT = words("不限")
_UNKNOWN_DEVICE = words("认不出的设备")
_THIS_DEVICE = words("正在登录（您这台）")
_SIGNED_IN = words("正在登录")
_LEFT = words("已退出")
_RESTED = words("太久没用，已自动退出")
_NOBODY = {"system": words("系统"), "customer": words("顾客"), "demo": words("演示数据")}


def due(case: Any, name: str) -> Any:
    """A case's deadline: in red with how late it is, in amber when it is near."""
    at = stamp(case.due_at, asking().zone)
    stands = standing(case, asking().now)
    if stands.overdue_by is not None:
        hours = int(stands.overdue_by / timedelta(hours=1))
        template, values = (_LATE, {"hours": hours}) if hours < 48 else (_LATE_DAYS, {"days": hours // 24})
        return Toned(gettext(template).format(at=at, **values), "alarm")
    if stands.due_in is not None and stands.due_in < DUE_SOON:
        return Toned(gettext(_SOON).format(at=at, hours=int(stands.due_in / timedelta(hours=1))), "amber")
    return at


def score(response: Any, name: str) -> Any:
    """A response's score, marked when it is low."""
    if response.score is None:
        return "—"
    return Toned(gettext(_LOW).format(score=response.score), "alarm") if response.is_low else response.score


def low_due(low: Any, name: str) -> Any:
    """Until when a low score is to be seen to: in red once that is past and nobody has."""
    at = stamp(low.due_at, asking().zone)
    is_late = low.handled_at is None and low.due_at <= asking().now
    return Toned(gettext(_PAST).format(at=at), "alarm") if is_late else at


def slip(purchase: Any, name: str) -> Any:
    """Sale or refund."""
    return Toned(gettext(_REFUND), "amber") if purchase.refund_of_id else gettext(_SALE)


def buyer(purchase: Any, name: str) -> Any:
    """Whose a slip is; of one that waits, for whom, as the till wrote it down."""
    if purchase.customer is None and (told := purchase.buyer_member_no or purchase.buyer_phone_masked):
        return Toned(gettext(_WAITS_FOR).format(who=told), "amber")
    return purchase.customer


def number(customer: Any, name: str) -> str:
    """A member number in groups of four."""
    return grouped(customer.member_no)


def birthday(customer: Any, name: str) -> str:
    """A day of birth with its calendar: 公历 1990-01-02."""
    return f"{word_of(customer.birthday_calendar)} {customer.birthday}" if customer.birthday else ""


def device(visit: Any, name: str) -> str:
    """What somebody signed in with: Windows · Chrome."""
    used = device_of(visit.user_agent)
    return " · ".join(one for one in (used.system, used.browser) if one) or gettext(_UNKNOWN_DEVICE)


def standing_of(visit: Any, name: str) -> Any:
    """Whether a sign-in still opens the door."""
    here = asking()
    if here.person is not None and visit.id == here.person.session_id:
        return Toned(gettext(_THIS_DEVICE), "jade")
    if visit.ended_at is not None:
        return Toned(gettext(_LEFT), "mute")
    over = is_over(visit.staff.role, visit.last_seen_at, visit.expires_at, here.now)
    return Toned(gettext(_RESTED), "mute") if over else Toned(gettext(_SIGNED_IN), "jade")


def role(visit: Any, name: str) -> str:
    """As what the person works here."""
    return word_of(visit.staff.role)


def times_a_year(benefit: Any, name: str) -> Any:
    """How often a year; 0 is no limit."""
    return benefit.times_a_year or gettext(_NO_LIMIT)


def job_kind(row: Any, name: str) -> str:
    """A job by what it does; one of a newer version by its own name."""
    kind = getattr(row, name)
    return word_of(JobKind(kind)) if kind in set(JobKind) else kind


def job_stage(job: Any, name: str) -> Any:
    """How far a job has come; in red when it waits for a person."""
    return Toned(word_of(job.stage), "alarm") if job.stage is JobStage.DEAD else word_of(job.stage)


def job_state(run: Any, name: str) -> Any:
    """How a run went; in red when it failed."""
    return Toned(word_of(run.state), "alarm") if run.state is JobState.FAILED else word_of(run.state)


def job_outcome(run: Any, name: str) -> str:
    """What came of it, in the reader's language."""
    return told(run.outcome)


def actor(entry: Any, name: str) -> str:
    """Who did it: a person by name, the machine and a customer by what they are."""
    return actor_words(entry.staff_id, entry.actor)


def actor_words(staff_id: int | None, actor: str) -> str:
    """The same of the bare values."""
    return gettext(_NOBODY[actor]) if staff_id is None and actor in _NOBODY else actor


def table_name(entry: Any, name: str, request: Request) -> str:
    """The table of an audit entry as people call it."""
    return table_names(request.app.state.back_office.views).get(entry.subject, entry.subject)


def changes(entry: Any, name: str, request: Request) -> str:
    """What an audit entry changed, in the words of the forms."""
    labels = labels_of(request.app.state.back_office.views)
    return "\n".join(told_change(line_of(entry), labels, {}, asking().zone)) or "—"


def table_names(views: Iterable[Any]) -> dict[str, str]:
    """Every table and page as people call it: by its view, or by a word of its own where it has none."""
    own = {view.model.__tablename__ if view.is_model else view.subject: str(view.name) for view in views}
    return {table: gettext(word) for table, word in _WITHOUT_VIEW.items()} | own
