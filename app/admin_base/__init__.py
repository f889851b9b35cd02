"""The kinds of back-office view, and everything that is the same for all of them. `app/registers/` only declares."""

from app.admin_base.access_page import AccessPage
from app.admin_base.big import BigLedgerView, BigSetupView, BigView
from app.admin_base.consents import AsksForConsent, TakesConsents, agreed_deed
from app.admin_base.customer_page import CustomerPage
from app.admin_base.design_page import DesignPage
from app.admin_base.desk import DeskPage
from app.admin_base.drafts import Choice, DraftView
from app.admin_base.duplicates import AsksBeforeTwin, DuplicatesPage
from app.admin_base.earning_rules import ChecksRules, in_words, said_in_words
from app.admin_base.fields import CountField, asks, locale_field, nothing_when_empty
from app.admin_base.filters import (
    MeaningFilter,
    NeedFilter,
    RelationFilter,
    StandingFilter,
    TagFilter,
    WordFilter,
    YesFilter,
    birthdays,
    spans,
)
from app.admin_base.groups import FieldGroup, GroupsFields, When
from app.admin_base.import_batch import ImportBatchPage, ImportUndoPage
from app.admin_base.import_files import ImportLeftOutPage, ImportRefusedPage, ImportSamplePage
from app.admin_base.import_wizard import ImportStart
from app.admin_base.journal import JournalPage
from app.admin_base.kinds import ActingView, LedgerView, SetupView
from app.admin_base.merge_page import MergePage
from app.admin_base.own_page import OwnPageHanding
from app.admin_base.pages import DemoPage, SettingsPage
from app.admin_base.photos import PhotosPage, PicturePage
from app.admin_base.points import OfAnAccount
from app.admin_base.points_page import CounterPage, PointsPage
from app.admin_base.points_redeem import RedeemPage
from app.admin_base.points_requests import ApprovalsPage, HandTotalsPage
from app.admin_base.prints import CardsPage, PostersPage, PrintsCards, PrintsPoster
from app.admin_base.purposes import PurposesPage
from app.admin_base.sale_page import SalePage
from app.admin_base.showing import Child, Deed, Listed, cells_left_out, rejected_rows
from app.admin_base.sign_in import keep_session
from app.admin_base.sign_ups import told_lines
from app.admin_base.site import RougeAdmin
from app.admin_base.tag_pages import Retags, TaggingPage, TagsCustomers, TagsPage
from app.admin_base.tag_rules import TagRulePage
from app.admin_base.tier_page import BenefitPage, TierPage
from app.admin_base.tier_table import AsksWhoMoves
from app.admin_base.versions import KeepsVersions
from app.admin_base.visits import CompletesVisits

__all__ = [
    "AccessPage",
    "ActingView",
    "ApprovalsPage",
    "AsksBeforeTwin",
    "AsksForConsent",
    "AsksWhoMoves",
    "BenefitPage",
    "BigLedgerView",
    "BigSetupView",
    "BigView",
    "CardsPage",
    "ChecksRules",
    "Child",
    "Choice",
    "CompletesVisits",
    "CountField",
    "CounterPage",
    "CustomerPage",
    "Deed",
    "DemoPage",
    "DesignPage",
    "DeskPage",
    "DraftView",
    "DuplicatesPage",
    "FieldGroup",
    "GroupsFields",
    "HandTotalsPage",
    "ImportBatchPage",
    "ImportLeftOutPage",
    "ImportRefusedPage",
    "ImportSamplePage",
    "ImportStart",
    "ImportUndoPage",
    "JournalPage",
    "KeepsVersions",
    "LedgerView",
    "Listed",
    "MeaningFilter",
    "MergePage",
    "NeedFilter",
    "OfAnAccount",
    "OwnPageHanding",
    "PhotosPage",
    "PicturePage",
    "PointsPage",
    "PostersPage",
    "PrintsCards",
    "PrintsPoster",
    "PurposesPage",
    "RedeemPage",
    "RelationFilter",
    "Retags",
    "RougeAdmin",
    "SalePage",
    "SettingsPage",
    "SetupView",
    "StandingFilter",
    "TagFilter",
    "TagRulePage",
    "TaggingPage",
    "TagsCustomers",
    "TagsPage",
    "TakesConsents",
    "TierPage",
    "When",
    "WordFilter",
    "YesFilter",
    "agreed_deed",
    "asks",
    "birthdays",
    "cells_left_out",
    "in_words",
    "keep_session",
    "locale_field",
    "nothing_when_empty",
    "rejected_rows",
    "said_in_words",
    "spans",
    "told_lines",
]
