"""What the shop prints: member cards and survey posters, laid out and turned into PDF."""

import base64
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from jinja2 import Environment

from app import i18n
from app.gateways import qr
from app.gateways.pdf import check_printable, joined, pdf
from app.rules.cards import Card, Fitted, fitted
from app.rules.colours import mixed
from app.rules.policy import Policy
from app.rules.posters import PosterStore
from app.rules.sheets import Layout, sheets

CARDS_AT_ONCE = 200
"""A document holds all its pages in memory until it is written, 0.6 MB a card."""
_WHITE = "#FFFFFF"


class PosterSize(StrEnum):
    """The papers a poster is made for: the wall, the counter."""

    A4 = "a4"
    A6 = "a6"


@dataclass(frozen=True)
class PrintedCard:
    """A card with everything measured: its texts as they fit, its flower and its QR as pictures."""

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


@dataclass(frozen=True)
class Press:
    """The shop's printing press: its templates, its rules, and the address its QR codes begin with."""

    templates: Environment
    policy: Policy
    base_url: str

    def check(self, texts: Iterable[str]) -> None:
        """Whether all of this can be printed here, asked before anything is written down. Raises as `pdf` does."""
        policy = self.policy
        check_printable("".join((*texts, policy.shop_name, policy.shop_phone, policy.shop_address)))

    def member_cards(
        self, cards: Sequence[Card], layout: Layout, *, progress: Callable[[int], None] = lambda done: None
    ) -> bytes:
        """Cards as PDF: two pages per card, or ten on a sheet of A4, fronts and then backs. `progress` hears how many
        are done. Raises as `pdf` does."""
        flowers = {face: flower(self.templates, face) for face in {card.face for card in cards}}
        papers = sheets(cards, layout)
        step = CARDS_AT_ONCE // layout.per_sheet
        documents = []
        for start in range(0, len(papers), step):
            printed = [[self._measured(card, flowers) for card in paper] for paper in papers[start : start + step]]
            documents.append(pdf(self._sheets(layout, printed, before=start, in_all=len(papers))))
            progress(min(len(cards), (start + step) * layout.per_sheet))
        return joined(documents)

    def survey_poster(self, *, title: str, slug: str, size: PosterSize) -> bytes:
        """A poster with a survey's QR, for the wall or the counter. Raises as `pdf` does."""
        foot = (self.policy.shop_address, self.policy.shop_phone)
        return self._poster("posters/survey.html", title, survey_address(self.base_url, slug), foot, size)

    def join_poster(self, store: PosterStore, size: PosterSize) -> bytes:
        """A poster with the QR of a store's sign-up page, with that store's own address. Raises as `pdf` does."""
        title = i18n.gettext("加入{shop}会员").format(shop=self.policy.shop_name)
        foot = (store.address or self.policy.shop_address, store.phone or self.policy.shop_phone)
        return self._poster("posters/join.html", title, join_address(self.base_url, store.code), foot, size)

    def _poster(self, template: str, title: str, address: str, foot: tuple[str, str], size: PosterSize) -> bytes:
        html = self.templates.get_template(template).render(
            size=size.value,
            title=fitted(title, width=84, largest=10.5, smallest=5, two_lines=7.5),
            shop_name=fitted(self.policy.shop_name, width=60, largest=4.8, smallest=2.8),
            address=fitted(foot[0], width=84, largest=3, smallest=2.6),
            phone=fitted(foot[1], width=70, largest=3, smallest=2.6),
            qr=qr.svg_address(address),
            flower=flower(self.templates, self.policy.brand_colour),
            face=self.policy.brand_colour,
        )
        return pdf(html)

    def _sheets(self, layout: Layout, printed: Sequence[Sequence[PrintedCard]], *, before: int, in_all: int) -> str:
        return self.templates.get_template("cards/sheet.html").render(
            layout=layout,
            shop_name=self.policy.shop_name,
            shop=PrintedShop(
                phone=fitted(self.policy.shop_phone, width=40, largest=4, smallest=2.4),
                address=fitted(self.policy.shop_address, width=39, largest=2.4, smallest=2.2, two_lines=2.4),
            ),
            sheets=printed,
            sheets_before=before,
            sheets_in_all=in_all,
        )

    def _measured(self, card: Card, flowers: dict[str, str]) -> PrintedCard:
        return PrintedCard(
            card=card,
            shop=fitted(self.policy.shop_name, width=66, largest=4.4, smallest=2.4),
            name=fitted(card.name, width=68, largest=8.6, smallest=2.8, two_lines=5),
            tier=fitted(card.tier, width=66, largest=3.4, smallest=2.4),
            number=fitted(i18n.grouped(card.member_no), width=40, largest=4.4, smallest=2.2),
            flower=flowers[card.face],
            qr=qr.png_address(card_address(self.base_url, card.token), scale=6),
        )


def card_address(base_url: str, token: str) -> str:
    """Where a card's QR leads."""
    return f"{base_url}/card/{token}"


def join_address(base_url: str, store_code: str) -> str:
    """Where the QR of a sign-up poster leads: the code tells from which store somebody came."""
    return f"{base_url}/join?store={quote(store_code)}"


def survey_address(base_url: str, slug: str) -> str:
    """Where a poster's QR leads."""
    return f"{base_url}/s/{slug}"


_RING = [(11 * math.cos(turn * math.pi / 6), 11 * math.sin(turn * math.pi / 6)) for turn in range(12)]


def flower(templates: Environment, face: str) -> str:
    """Twelve circles on a ring, in lines a little lighter than the face, as a picture."""
    svg = templates.get_template("cards/flower.svg").render(line=mixed(face, _WHITE, 0.18), ring=_RING)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
