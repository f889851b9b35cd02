"""What the shop prints: member cards and survey posters, laid out and turned into PDF."""

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from jinja2 import Environment

from app import i18n
from app.gateways import qr
from app.gateways.pdf import joined, pdf
from app.rules.cards import Card, Fitted, fitted
from app.rules.colours import mixed
from app.rules.policy import Policy
from app.rules.sheets import Layout, sheets

_WHITE = "#FFFFFF"
_CARDS_AT_ONCE = 200
"""A document holds all its pages in memory until it is written, 0.6 MB a card."""


class PosterSize(StrEnum):
    """The papers a poster is made for: the wall, the counter."""

    A4 = "a4"
    A6 = "a6"


@dataclass(frozen=True)
class PrintedCard:
    """A card with everything measured: its texts as they fit, its line colour, its QR as a picture."""

    card: Card
    shop: Fitted
    name: Fitted
    tier: Fitted
    number: Fitted
    flower: str
    qr: str


@dataclass(frozen=True)
class PrintedShop:
    """The shop as it stands on a card's back."""

    phone: Fitted
    address: Fitted


def card_address(base_url: str, token: str) -> str:
    """Where a card's QR leads."""
    return f"{base_url}/card/{token}"


def survey_address(base_url: str, slug: str) -> str:
    """Where a poster's QR leads."""
    return f"{base_url}/s/{slug}"


def printed_card(card: Card, *, flower: str, policy: Policy, base_url: str) -> PrintedCard:
    """A card measured for print."""
    return PrintedCard(
        card=card,
        shop=fitted(policy.shop_name, width=66, largest=4.4, smallest=2.4),
        name=fitted(card.name, width=68, largest=8.6, smallest=2.8, two_lines=5),
        tier=fitted(card.tier, width=66, largest=3.4, smallest=2.4),
        number=fitted(i18n.grouped(card.member_no), width=40, largest=4.4, smallest=2.2),
        flower=flower,
        qr=qr.png_address(card_address(base_url, card.token), scale=6),
    )


def printed_shop(policy: Policy) -> PrintedShop:
    """The shop's phone and address measured for a card's back."""
    return PrintedShop(
        phone=fitted(policy.shop_phone, width=40, largest=4, smallest=2.4),
        address=fitted(policy.shop_address, width=39, largest=2.4, smallest=2.2, two_lines=2.4),
    )


def member_cards(
    templates: Environment,
    cards: Sequence[Card],
    *,
    layout: Layout,
    policy: Policy,
    base_url: str,
    progress: Callable[[int], None] = lambda done: None,
) -> bytes:
    """Cards as PDF: two pages per card, or ten on a sheet of A4, fronts and then backs. `progress` hears how many are
    done. Raises as `pdf` does."""
    flowers = {face: _flower(templates, face) for face in {card.face for card in cards}}
    template = templates.get_template("cards/sheet.html")
    papers = sheets(cards, layout)
    documents = []
    for start in range(0, len(papers), _CARDS_AT_ONCE // layout.per_sheet):
        some = papers[start : start + _CARDS_AT_ONCE // layout.per_sheet]
        printed = [
            [
                printed_card(card, flower=flowers[card.face], policy=policy, base_url=base_url)
                for card in paper
            ]
            for paper in some
        ]
        documents.append(
            pdf(
                template.render(
                    layout=layout,
                    shop_name=policy.shop_name,
                    shop=printed_shop(policy),
                    sheets=printed,
                    sheets_before=start,
                    sheets_in_all=len(papers),
                )
            )
        )
        progress(min(len(cards), (start + len(some)) * layout.per_sheet))
    return joined(documents)


def survey_poster(
    templates: Environment, *, title: str, slug: str, size: PosterSize, policy: Policy, base_url: str
) -> bytes:
    """A poster with a survey's QR, for the wall or the counter. Raises as `pdf` does."""
    html = templates.get_template("posters/survey.html").render(
        size=size.value,
        title=fitted(title, width=84, largest=10.5, smallest=5, two_lines=7.5),
        shop_name=fitted(policy.shop_name, width=60, largest=4.8, smallest=2.8),
        address=fitted(policy.shop_address, width=84, largest=3, smallest=2.6),
        phone=policy.shop_phone,
        qr=qr.svg_address(survey_address(base_url, slug)),
        flower=_flower(templates, policy.brand_colour),
        face=policy.brand_colour,
    )
    return pdf(html)


_RING = [(round(11 * math.cos(turn * math.pi / 6), 2), round(11 * math.sin(turn * math.pi / 6), 2)) for turn in range(12)]


def _flower(templates: Environment, face: str) -> str:
    """Twelve circles on a ring, in lines a little lighter than the face, as a picture."""
    svg = templates.get_template("cards/flower.svg").render(line=mixed(face, _WHITE, 0.18), ring=_RING)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
