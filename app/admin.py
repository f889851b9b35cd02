"""The whole back office on one scroll: every view in menu order, and its installation at /admin.

A new register is a table in `app/models.py` and six lines in `app/registers/<noun>.py`:

    class RoomAdmin(SetupView, model=Room):
        category, category_icon = SHOP
        name, name_plural, icon = later("…"), later("…"), "fa-solid fa-door-closed"
        column_list = ("name", "floor")
        form_columns = column_list
        column_labels: ClassVar = {"name": later("…"), "floor": later("…")}

then its name in `VIEWS` below, which is the menu's order, and who may in `app/rules/access.py`. What the kinds of view
do (setup, acting, ledger, big) stands in `app/admin_base/`.
"""

from fastapi import FastAPI

from app.admin_base import (
    ImportBatchPage,
    ImportLeftOutPage,
    ImportRefusedPage,
    ImportSamplePage,
    ImportUndoPage,
    PicturePage,
    RougeAdmin,
)
from app.db import Database
from app.registers.api_keys import ApiKeyAdmin
from app.registers.care import PhotoAdmin, Photographs, SkinRecordAdmin, VisitAdmin
from app.registers.catalogue import ProductAdmin, TreatmentAdmin
from app.registers.complaints import ComplaintAdmin, ComplaintEventAdmin
from app.registers.consents import ConsentAdmin, PurposeRegister
from app.registers.contacts import ContactEventAdmin, SocialAccountAdmin
from app.registers.customers import CardPrinting, CustomerAdmin, CustomerProfile, Desk, OwnPages
from app.registers.earning import EarningRuleAdmin, PointsPendingAdmin, RuleVersionAdmin
from app.registers.imports import ImportBatchAdmin, ImportMapAdmin, ImportWizard
from app.registers.improvements import ImprovementAdmin, LowFeedbackAdmin
from app.registers.jobs import JobAdmin, JobRunAdmin
from app.registers.journal import AuditEntryAdmin, Journal
from app.registers.merges import CustomerMergeAdmin, Duplicates, Merging
from app.registers.messages import OutboundMessageAdmin
from app.registers.points import (
    Approvals,
    CustomerPoints,
    HandTotals,
    PointsAccountAdmin,
    PointsCounter,
    PointsEntryAdmin,
    PointsLotAdmin,
    PointsRequestAdmin,
    Redeeming,
)
from app.registers.rewards import RedemptionAdmin, RewardAdmin
from app.registers.sales import PurchaseAdmin, Selling
from app.registers.shop import DemoShop, ShopSettings, StoreAdmin
from app.registers.sign_ups import SignUpAdmin
from app.registers.staff import StaffAdmin, StaffSessionAdmin, WhoMayDoWhat
from app.registers.survey_rounds import SurveyInvitationAdmin, SurveyPlaceAdmin, SurveyWaveAdmin
from app.registers.surveys import PosterPrinting, SurveyAdmin, SurveyQuestionAdmin, SurveyResponseAdmin
from app.registers.tags import TagAdmin, Tagging, TagList, TagRules
from app.registers.tiers import (
    BenefitUseAdmin,
    CustomerBenefits,
    CustomerTier,
    Design,
    TierAdmin,
    TierBenefitAdmin,
    TierChangeAdmin,
)
from app.settings import Settings

VIEWS = (
    # People
    Desk, CustomerProfile, OwnPages,
    CustomerAdmin, Duplicates, Merging, CustomerMergeAdmin, CardPrinting, SkinRecordAdmin, Photographs, PicturePage,
    PhotoAdmin, SocialAccountAdmin, ContactEventAdmin, SignUpAdmin, ConsentAdmin, PurposeRegister,
    TagList, Tagging, TagRules, TagAdmin,
    # Loyalty
    PurchaseAdmin, Selling, VisitAdmin, CustomerPoints, PointsCounter, Redeeming, Approvals, HandTotals, EarningRuleAdmin,
    RuleVersionAdmin, RewardAdmin, RedemptionAdmin, PointsPendingAdmin, PointsAccountAdmin, PointsEntryAdmin, PointsLotAdmin,
    PointsRequestAdmin, TierAdmin, TierBenefitAdmin, BenefitUseAdmin, TierChangeAdmin, CustomerTier, CustomerBenefits,
    Design, TreatmentAdmin, ProductAdmin,
    # Voice
    ComplaintAdmin, LowFeedbackAdmin, SurveyResponseAdmin, SurveyAdmin, PosterPrinting, SurveyQuestionAdmin,
    SurveyPlaceAdmin, SurveyWaveAdmin, SurveyInvitationAdmin, ImprovementAdmin, ComplaintEventAdmin,
    # Outreach
    OutboundMessageAdmin,
    # Shop
    ShopSettings, DemoShop, StaffAdmin, StoreAdmin, StaffSessionAdmin, WhoMayDoWhat,
    ImportWizard, ImportBatchPage, ImportUndoPage, ImportRefusedPage, ImportLeftOutPage, ImportSamplePage, ImportBatchAdmin, ImportMapAdmin,
    ApiKeyAdmin, JobAdmin, JobRunAdmin, Journal, AuditEntryAdmin,
)  # fmt: skip


def install(app: FastAPI, database: Database, settings: Settings) -> RougeAdmin:
    """Mount the back office at /admin."""
    back_office = RougeAdmin(app, database, settings)
    for view in VIEWS:
        back_office.add_view(view)
    back_office.close()
    return back_office
