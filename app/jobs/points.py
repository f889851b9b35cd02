"""The nightly look at the books of points."""

from app.actions.points import freeze_if_doubtful
from app.db import Database
from app.i18n import gettext
from app.jobs.errands import Done, Errand
from app.queries.points import accounts_after, check_ledger
from app.rules.refusals import words
from app.settings import Settings

ACCOUNTS_AT_ONCE = 2000
"""Accounts looked at in one reading: memory stays flat however many there are."""
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
            return Done(gettext(_CHECKED).format(seen=seen, doubtful=doubtful))
        seen, last = seen + len(accounts), accounts[-1]
