"""The first page of the back office: the shop's day in numbers, each with the address of the rows behind it.

The addresses are a promise of the lists they open, whose filters mean the same conditions of `queries.scopes`:
`purchase` ?occurred=today, ?slip=sale · `customer` ?created=today|this_month, ?birthday=within_7_days ·
`survey-response` ?finished=last_30_days · `complaint` ?case=open|overdue|due_soon ·
`sign-up` ?state=known ·
`job` ?stage=dead · `points-account` ?frozen=yes.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, literal, select, union_all
from sqlmodel import Session, col

from app.models import (
    Complaint,
    Customer,
    ImportBatch,
    PointsRequest,
    Purchase,
    SignUp,
    SurveyAnswer,
    SurveyQuestion,
    SurveyResponse,
)
from app.queries.adjustments import count_waiting
from app.queries.jobs import jobs_health
from app.queries.points import frozen_accounts
from app.queries.scopes import (
    ANYTHING,
    CaseState,
    Slip,
    born,
    cases,
    celebrating,
    coming_week,
    last_days,
    midnight,
    of_store,
    on_days,
    slips,
)
from app.queries.sign_ups import waiting_sign_ups
from app.rules.access import Scope, may, may_see, scope_of, sees_only_own
from app.rules.birthdays import birthdays_between
from app.rules.days import months_after
from app.rules.policy import Policy
from app.rules.survey_scores import RATED, is_satisfied, whole
from app.vocabulary import Calendar, ImportKind, ImportStage, JobStage, Role, SignUpState

WEEK = timedelta(days=7)
SURVEY_DAYS = timedelta(days=30)
BIRTHDAYS_SHOWN = 12


@dataclass(frozen=True)
class Figure:
    """A number, what it was before (None: not compared), and where its rows are (None: not for this role)."""

    value: int
    address: str | None
    before: int | None = None

    @property
    def change(self) -> int | None:
        """How much more than before; None when not compared."""
        return None if self.before is None else self.value - self.before


@dataclass(frozen=True)
class Share:
    """A mean or a share of `n` answers, in whole points of 100; None without any. `is_enough`: n reaches the policy's
    sample, fewer is shown as 样本不足."""

    value: int | None
    n: int
    is_enough: bool
    address: str | None
    before: int | None = None


@dataclass(frozen=True)
class Birthday:
    """Somebody to congratulate, `on` the day it is celebrated this time."""

    customer_id: int
    name: str
    member_no: str
    on: date
    is_lunar: bool
    address: str


@dataclass(frozen=True)
class LastImport:
    """The newest file that came in. `finished_at` None: it is still running, or was broken off. `is_reverted`: it was taken
    back."""

    kind: ImportKind
    file_name: str
    started_at: datetime
    finished_at: datetime | None
    created: int
    updated: int
    rejected: int
    address: str
    is_reverted: bool = False


@dataclass(frozen=True)
class Machine:
    """Whether the shop can rely on its machine. `stopped_since`: the worker has shown no sign of life since then, or
    never (None with `is_asleep`). `dead`: jobs that were given up and wait for a person; `doubtful`: accounts of
    points whose books do not agree."""

    is_asleep: bool
    stopped_since: datetime | None
    dead: Figure
    doubtful: Figure
    last_backup_at: datetime | None
    is_backup_old: bool

    @property
    def is_troubled(self) -> bool:
        """Whether a person must do something."""
        return self.is_asleep or self.is_backup_old or self.dead.value + self.doubtful.value > 0


@dataclass(frozen=True)
class Dashboard:
    """One look in the morning. Money in fen. "Before" is the same weekday a week ago up to the same hour, for the month
    the month before up to the same day, for surveys the 30 days before."""

    today: date
    sales: Figure
    takings_fen: Figure
    new_customers: Figure
    new_customers_this_month: Figure
    survey_score: Share
    satisfied_share: Share
    open_cases: Figure
    overdue_cases: Figure
    due_soon_cases: Figure
    sign_ups: Figure
    points_requests: Figure
    birthday_count: Figure
    birthdays: tuple[Birthday, ...]
    last_import: LastImport | None
    machine: Machine | None


def dashboard(
    session: Session,
    *,
    role: Role,
    now: datetime,
    zone: ZoneInfo,
    policy: Policy,
    store_id: int | None = None,
    backup_at: datetime | None = None,
) -> Dashboard:
    """The shop at this moment, its day being the zone's. Everybody who works here sees the numbers, of her own store
    where she has one; names and the rows behind a number only who may list them. `backup_at`: when the newest good backup
    that is there was made."""
    today = now.astimezone(zone).date()
    if scope_of(role, "dashboard") is Scope.ALL:
        store_id = None
    customers = _reach(Customer, store_id)
    sales, takings = _purchases(session, role, now, zone, within=_reach(Purchase, store_id))
    arrivals, month = _customers(session, role, now, zone, within=customers)
    score, satisfied = _surveys(session, role, today, zone, policy=policy, within=_reach(SurveyResponse, store_id))
    waiting = _cases(session, role, now, within=_reach(Complaint, store_id))
    sees_birthdays = may_see(role, "customers", "birthday", "birth")
    born = _address(role, "customers", "customer/list?birthday=within_7_days") if sees_birthdays else ""
    return Dashboard(
        today=today,
        sales=sales,
        takings_fen=takings,
        new_customers=arrivals,
        new_customers_this_month=month,
        survey_score=score,
        satisfied_share=satisfied,
        open_cases=waiting[CaseState.OPEN],
        overdue_cases=waiting[CaseState.OVERDUE],
        due_soon_cases=waiting[CaseState.DUE_SOON],
        sign_ups=Figure(
            waiting_sign_ups(session, within=_reach(SignUp, store_id)),
            _address(role, "sign_ups", f"sign-up/list?state={SignUpState.KNOWN}"),
        ),
        points_requests=Figure(
            count_waiting(session, within=_reach(PointsRequest, store_id)),
            "/desk/points-requests" if may(role, "approvals", "do") else None,
        ),
        birthday_count=Figure(_birthday_count(session, today, customers), born),
        birthdays=tuple(_birthdays(session, today, customers)) if born else (),
        last_import=_last_import(session, _reach(ImportBatch, store_id))
        if may(role, "import_batches", "list")
        else None,
        machine=_machine(session, role, now, backup_at) if may(role, "jobs", "list") else None,
    )


def _reach(table: Any, store_id: int | None) -> ColumnElement[bool]:
    return ANYTHING if store_id is None else of_store(table, store_id)


def _address(role: Role, subject: str, path: str) -> str | None:
    """Where the rows are; None where this role would not find exactly these."""
    return f"/admin/{path}" if may(role, subject, "list") and not sees_only_own(role, subject) else None


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return _sum(1, *conditions)


def _sum(value: Any, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((and_(*conditions), value), else_=0)), 0)


def _purchases(
    session: Session, role: Role, now: datetime, zone: ZoneInfo, *, within: ColumnElement[bool]
) -> tuple[Figure, Figure]:
    """Today's slips and what they brought in, refunds taken off; a refund is a row with a negative amount."""
    today = now.astimezone(zone).date()
    at, paid, sold = col(Purchase.occurred_at), col(Purchase.paid_fen), slips(Slip.SALE)
    is_today, was_then = on_days(at, today, today, zone), _same_hours_last_week(at, now, zone)
    n, n_before, fen, fen_before = session.execute(
        select(_count(is_today, sold), _count(was_then, sold), _sum(paid, is_today), _sum(paid, was_then)).where(
            is_today | was_then, within
        )
    ).one()
    rows = _address(role, "purchases", "purchase/list?occurred=today")
    return Figure(n, rows and f"{rows}&slip=sale", n_before), Figure(int(fen), rows, int(fen_before))


def _customers(
    session: Session, role: Role, now: datetime, zone: ZoneInfo, *, within: ColumnElement[bool]
) -> tuple[Figure, Figure]:
    """Who is new today, and this month; the month before counts to the same day."""
    today = now.astimezone(zone).date()
    at, a_month_ago = col(Customer.created_at), months_after(today, -1)
    day, day_before = on_days(at, today, today, zone), _same_hours_last_week(at, now, zone)
    month = on_days(at, today.replace(day=1), today, zone)
    month_before = on_days(at, a_month_ago.replace(day=1), a_month_ago, zone)
    n, n_before, months, months_before = session.execute(
        select(_count(day), _count(day_before), _count(month), _count(month_before)).where(
            at >= midnight(a_month_ago.replace(day=1), zone), within
        )
    ).one()
    return (
        Figure(n, _address(role, "customers", "customer/list?created=today"), n_before),
        Figure(months, _address(role, "customers", "customer/list?created=this_month"), months_before),
    )


def _same_hours_last_week(column: Any, now: datetime, zone: ZoneInfo) -> ColumnElement[bool]:
    """A whole Tuesday would always beat the morning of this one."""
    then = now - WEEK
    return and_(column >= midnight(then.astimezone(zone).date(), zone), column < then)


def _surveys(
    session: Session, role: Role, today: date, zone: ZoneInfo, *, policy: Policy, within: ColumnElement[bool]
) -> tuple[Share, Share]:
    """满意度得分: the mean of the finished responses' scores. 满意率: the share of ratings that `is_satisfied`. Source:
    semantics 5.6."""
    at = col(SurveyResponse.finished_at)
    this, before = last_days(at, SURVEY_DAYS, today, zone), last_days(at, SURVEY_DAYS, today - SURVEY_DAYS, zone)
    score = col(SurveyResponse.score)
    n, total, n_before, total_before = session.execute(
        select(
            _count(this, score.is_not(None)),
            _sum(func.coalesce(score, 0), this),
            _count(before, score.is_not(None)),
            _sum(func.coalesce(score, 0), before),
        ).where(this | before, within)
    ).one()
    rows = _address(role, "survey_responses", "survey-response/list?finished=last_30_days")
    is_enough = n >= policy.sample_min
    return (
        Share(_mean(total, n), n, is_enough, rows, _mean(total_before, n_before)),
        Share(
            _satisfied_percent(session, and_(this, within)),
            n,
            is_enough,
            rows,
            _satisfied_percent(session, and_(before, within)),
        ),
    )


def _satisfied_percent(session: Session, finished: ColumnElement[bool]) -> int | None:
    number, top, given = col(SurveyAnswer.number), col(SurveyQuestion.scale_max), func.count()
    rated = session.execute(
        select(number, top, given)
        .join(SurveyQuestion, col(SurveyQuestion.id) == SurveyAnswer.question_id)
        .join(SurveyResponse, col(SurveyResponse.id) == SurveyAnswer.response_id)
        .where(col(SurveyQuestion.kind).in_(RATED), number.is_not(None), finished)
        .group_by(number, top)
    ).all()
    satisfied = sum(times for figure, scale_max, times in rated if is_satisfied(figure, scale_max))
    return _mean(100 * satisfied, sum(times for _, _, times in rated))


def _mean(total: int, n: int) -> int | None:
    return whole(Fraction(int(total), n)) if n else None


def _cases(session: Session, role: Role, now: datetime, *, within: ColumnElement[bool]) -> dict[CaseState, Figure]:
    counts = session.execute(
        select(*(_count(cases(state, now)) for state in CaseState)).where(cases(CaseState.OPEN, now), within)
    ).one()
    return {
        state: Figure(n, _address(role, "complaints", f"complaint/list?case={state}"))
        for state, n in zip(CaseState, counts, strict=True)
    }


def _birthday_count(session: Session, today: date, within: ColumnElement[bool]) -> int:
    return session.execute(
        select(func.count()).select_from(Customer).where(celebrating(*coming_week(today)), within)
    ).scalar_one()


def _birthdays(session: Session, today: date, within: ColumnElement[bool]) -> list[Birthday]:
    """Who celebrates from today on, soonest first; no more than fit on the page. Each birthday is asked for by itself,
    so that a large shop reads a page full of customers and not everybody of the week."""
    each = [
        select(col(Customer.id), literal(on).label("on"), literal(calendar is Calendar.LUNAR).label("is_lunar"))
        .where(born(calendar, month, day), within)
        .order_by(col(Customer.id))
        .limit(BIRTHDAYS_SHOWN)
        .subquery()
        for (calendar, month, day), on in birthdays_between(*coming_week(today)).items()
    ]
    found = union_all(*(select(one) for one in each)).subquery()
    people = session.execute(
        select(col(Customer.id), col(Customer.name), col(Customer.member_no), found.c.on, found.c.is_lunar)
        .join(found, found.c.id == Customer.id)
        .order_by(found.c.on, col(Customer.id))
        .limit(BIRTHDAYS_SHOWN)
    )
    return [
        Birthday(customer_id, name, member_no, on, is_lunar, f"/desk/customers/{member_no}")
        for customer_id, name, member_no, on, is_lunar in people
    ]


def _machine(session: Session, role: Role, now: datetime, backup_at: datetime | None) -> Machine:
    health = jobs_health(session, now=now, backup_at=backup_at)
    return Machine(
        is_asleep=health.is_asleep,
        stopped_since=health.beat.at,
        dead=Figure(health.dead, _address(role, "jobs", f"job/list?stage={JobStage.DEAD}")),
        doubtful=Figure(frozen_accounts(session), _address(role, "points_accounts", "points-account/list?frozen=yes")),
        last_backup_at=health.last_backup_at,
        is_backup_old=health.is_backup_old,
    )


def _last_import(session: Session, within: ColumnElement[bool]) -> LastImport | None:
    is_in = col(ImportBatch.stage).in_((ImportStage.DONE, ImportStage.REVERTED))
    last = select(ImportBatch).where(within, is_in).order_by(col(ImportBatch.id).desc()).limit(1)
    batch = session.scalars(last).first()
    if batch is None:
        return None
    return LastImport(
        batch.kind,
        batch.file_name,
        batch.started_at,
        batch.finished_at,
        batch.created,
        batch.updated,
        batch.rejected,
        f"/admin/import-batch/details/{batch.id}",
        batch.stage is ImportStage.REVERTED,
    )
