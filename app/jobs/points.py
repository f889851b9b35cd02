"""What a night does with points: those that are over fall away, those that waited come in, birthdays are honoured, and the
books are looked at. Late or twice, it is all the same."""

from datetime import timedelta

from sqlmodel import Session

from app.actions.earning import give_birthday_points, hold_buyer, settle_pending
from app.actions.points import expire_points, freeze_if_doubtful
from app.db import Database
from app.jobs.errands import Done, Errand
from app.queries.earning import celebrating, due_pending
from app.queries.points import accounts_after, check_ledger, owners_of_ended
from app.rules.birthdays import birthdays_between
from app.rules.points import day_of
from app.rules.refusals import words
from app.settings import Settings

ACCOUNTS_AT_ONCE = 2000
"""Accounts looked at in one reading: memory stays flat however many there are."""
CUSTOMERS_AT_ONCE = 100
"""Customers in one transaction: a fraction of a second, so that the till does not wait."""
_ENDED = words("{customers} 位顾客的 {points} 分到期")
_SETTLED = words("{n} 笔待生效的积分已生效")
_HONOURED = words("{n} 位顾客得到了生日积分")
_CHECKED = words("核对了 {seen} 个积分账户，{doubtful} 个对不上，已暂停兑换")


def check_points(database: Database, settings: Settings, errand: Errand) -> Done:
    """Look through every account. One whose books do not agree redeems nothing until a person has looked; nothing is
    put right by the machine."""
    seen = doubtful = last = 0
    while True:
        with database.reading() as session:
            accounts = accounts_after(session, last, ACCOUNTS_AT_ONCE)
            doubts = check_ledger(session, accounts[0], accounts[-1]) if accounts else []
        for doubt in doubts:
            with database.writing() as session:
                doubtful += freeze_if_doubtful(session, doubt.account_id, now=errand.now)
        if not accounts:
            return Done(_CHECKED, {"seen": seen, "doubtful": doubtful})
        seen, last = seen + len(accounts), accounts[-1]


def end_points(session: Session, errand: Errand) -> Done:
    """What is left of lots whose last day is gone falls away, some customers at a time."""
    at = {name: int(errand.payload.get(name, 0)) for name in ("after", "customers", "points")}
    owners = owners_of_ended(session, day_of(errand.now, errand.zone), at["after"], CUSTOMERS_AT_ONCE)
    for customer_id in owners:
        ended = expire_points(session, customer_id, now=errand.now, zone=errand.zone)
        at["points"] -= sum(entry.points for entry in ended)
    at["customers"] += len(owners)
    if len(owners) == CUSTOMERS_AT_ONCE:
        return Done(then=at | {"after": owners[-1]})
    return Done(_ENDED, at)


def settle_points(session: Session, errand: Errand) -> Done:
    """Points of sales whose days of taking back are over come in."""
    at = {name: int(errand.payload.get(name, 0)) for name in ("after", "n")}
    due = due_pending(session, day_of(errand.now, errand.zone), at["after"], CUSTOMERS_AT_ONCE)
    for customer_id in sorted({customer_id for _, customer_id in due}):
        hold_buyer(
            session, customer_id
        )  # first and in order, as a merge holds them: neither waits for the other for ever
    for pending_id, _ in due:
        at["n"] += settle_pending(session, pending_id, now=errand.now, zone=errand.zone) is not None
    if len(due) == CUSTOMERS_AT_ONCE:
        return Done(then=at | {"after": due[-1][0]})
    return Done(_SETTLED, at)


def honour_birthdays(session: Session, errand: Errand) -> Done:
    """Points for the birthdays of the shop's today, and of the days before that a machine that was off has missed."""
    at = {name: int(errand.payload.get(name, 0)) for name in ("after", "n")}
    today = day_of(errand.now, errand.zone)
    days = birthdays_between(today - timedelta(days=errand.policy.birthday_late_days), today)
    found = celebrating(session, days, at["after"], CUSTOMERS_AT_ONCE)
    for customer_id, on in found:
        given = give_birthday_points(session, customer_id, on, policy=errand.policy, now=errand.now, zone=errand.zone)
        at["n"] += given is not None
    if len(found) == CUSTOMERS_AT_ONCE:
        return Done(then=at | {"after": found[-1][0]})
    return Done(_HONOURED, at)
