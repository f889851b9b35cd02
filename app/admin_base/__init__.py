"""The kinds of back-office view, and everything that is the same for all of them. `app/admin.py` only declares."""

from app.admin_base.access_page import AccessPage
from app.admin_base.big import BigLedgerView, BigSetupView, BigView
from app.admin_base.drafts import Choice, DraftView
from app.admin_base.fields import CountField, asks, locale_field
from app.admin_base.filters import (
    MeaningFilter,
    RelationFilter,
    StandingFilter,
    WordFilter,
    YesFilter,
    birthdays,
    spans,
)
from app.admin_base.journal import JournalPage
from app.admin_base.kinds import ActingView, LedgerView, SetupView
from app.admin_base.pages import DemoPage, SettingsPage
from app.admin_base.prints import CardsPage, PostersPage, PrintsCards, PrintsPoster
from app.admin_base.showing import Child, Deed, Listed, rejected_rows
from app.admin_base.sign_in import keep_session
from app.admin_base.site import RougeAdmin

__all__ = [
    "AccessPage",
    "ActingView",
    "BigLedgerView",
    "BigSetupView",
    "BigView",
    "CardsPage",
    "Child",
    "Choice",
    "CountField",
    "Deed",
    "DemoPage",
    "DraftView",
    "JournalPage",
    "LedgerView",
    "Listed",
    "MeaningFilter",
    "PostersPage",
    "PrintsCards",
    "PrintsPoster",
    "RelationFilter",
    "RougeAdmin",
    "SettingsPage",
    "SetupView",
    "StandingFilter",
    "WordFilter",
    "YesFilter",
    "asks",
    "birthdays",
    "keep_session",
    "locale_field",
    "rejected_rows",
    "spans",
]
