"""The kinds of back-office view, and everything that is the same for all of them. `app/admin.py` only declares."""

from app.admin_base.big import BigLedgerView, BigSetupView, BigView
from app.admin_base.fields import LinesField, asks
from app.admin_base.filters import MeaningFilter, RelationFilter, WordFilter, YesFilter
from app.admin_base.pages import SettingsPage
from app.admin_base.showing import Child, Deed, Listed, Toned
from app.admin_base.sign_in import keep_session
from app.admin_base.site import RougeAdmin
from app.admin_base.views import ActingView, LedgerView, SetupView

__all__ = [
    "ActingView",
    "BigLedgerView",
    "BigSetupView",
    "BigView",
    "Child",
    "Deed",
    "LedgerView",
    "LinesField",
    "Listed",
    "MeaningFilter",
    "RelationFilter",
    "RougeAdmin",
    "SettingsPage",
    "SetupView",
    "Toned",
    "WordFilter",
    "YesFilter",
    "asks",
    "keep_session",
]
