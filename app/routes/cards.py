"""The member card on the customer's phone: where the QR of her card leads. Whoever finds the card may open it, so it
shows nothing but what the card itself shows, the name masked."""

import logging
from dataclasses import replace
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from app import i18n
from app.db import Database
from app.gateways import qr
from app.gateways.pdf import PdfTrouble
from app.gateways.prints import Press, card_address, flower
from app.queries.cards import card_of
from app.queries.policy import current_policy
from app.routes.deps import CallerDep, DatabaseDep, Now, SettingsDep
from app.routes.guessing import note_bad_token
from app.routes.rendering import page
from app.rules.cards import Card, masked_name
from app.rules.policy import Policy
from app.rules.refusals import NotFound, RuleBroken, words
from app.rules.sheets import Layout
from app.settings import Settings

router = APIRouter()
logger = logging.getLogger(__name__)
_PRIVATE = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


class CardUnknown(NotFound):
    """The same answer to an unknown, cut-off, replaced or expired address."""

    code = "card_unknown"
    message = words("没有找到这张会员卡。可能已经换了新卡，或者链接不完整：请扫新卡上的二维码，或问问店员。")


class CardNotPrintable(RuleBroken):
    """The customer need not know what our machine lacks."""

    code = "card_not_printable"
    message = words("暂时生成不了 PDF。长按二维码保存成图片，到店一样能用。")
    status = 503


# The two files stand before the page: its address would take their names for a token.
@router.get("/card/{token}.png", name="card:picture")
def picture(token: str, database: DatabaseDep, settings: SettingsDep, now: Now, caller: CallerDep) -> Response:
    """The card's QR with the shop and the member number under it, to keep on the phone. Open to customers."""
    card, policy = _card(database, settings, token, now, caller=caller)
    lines = (policy.shop_name, i18n.gettext("会员号 {number}").format(number=i18n.grouped(card.member_no)))
    image = qr.captioned_png(card_address(settings.base_url, token), lines)
    return Response(image, media_type="image/png", headers=_PRIVATE)


@router.get("/card/{token}.pdf", name="card:print")
def printed(
    request: Request, token: str, *, database: DatabaseDep, settings: SettingsDep, now: Now, caller: CallerDep
) -> Response:
    """The card as PDF, both sides, the name masked. Open to customers."""
    card, policy = _card(database, settings, token, now, caller=caller)
    try:
        document = Press(request.app.state.templates, policy, settings.base_url).member_cards([card], Layout.CR80)
    except PdfTrouble as trouble:
        logger.warning("a customer's card could not be printed: %s", trouble.code)
        raise CardNotPrintable from None
    name = f'inline; filename="card-{card.member_no}.pdf"'
    return Response(document, media_type="application/pdf", headers=_PRIVATE | {"Content-Disposition": name})


@router.get("/card/{token}", name="card:show")
def show(
    request: Request, token: str, *, database: DatabaseDep, settings: SettingsDep, now: Now, caller: CallerDep
) -> Response:
    """The card: shop, masked name, tier, number, validity and the QR to show at the counter. Open to customers."""
    card, policy = _card(database, settings, token, now, caller=caller)
    answer = page(
        request,
        "cards/page.html",
        card=card,
        policy=policy,
        flower=flower(request.app.state.templates, card.face),
        is_over=card.valid_until_on < now.astimezone(settings.zone).date(),
        # WeChat's browser cannot open a PDF: it offers to download it and loses it.
        has_pdf="MicroMessenger" not in request.headers.get("User-Agent", ""),
    )
    answer.headers.update(_PRIVATE)
    return answer


def _card(database: Database, settings: Settings, token: str, now: datetime, *, caller: str) -> tuple[Card, Policy]:
    """The card as a stranger may see it, and the shop. Closes the database before anything is drawn."""
    with database.reading() as session:
        policy = current_policy(session)
        card = card_of(session, token, policy=policy, now=now, zone=settings.zone)
    if card is None:
        note_bad_token(database, caller, now=now)
        raise CardUnknown
    return replace(card, name=masked_name(card.name)), policy
