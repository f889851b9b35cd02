"""Printing from the back office: member cards for chosen rows, a tier or everybody, and survey posters."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, ClassVar, TypeVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import action, expose
from sqladmin.authorization import custom_action
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.cards import issue_cards
from app.actions.idempotency import do_once
from app.actions.posters import issue_join_poster, issue_poster
from app.admin_base.asking import asking, reach
from app.admin_base.writing import is_language_switch
from app.db import Database
from app.gateways.prints import PosterSize, Press
from app.i18n import gettext, later
from app.models import Customer, Store, Survey
from app.queries.cards import CardHolder, card_holders, member_numbers, tier_names
from app.queries.posters import PosterSurvey, postable_surveys, poster_store, poster_stores, poster_survey
from app.rules.access import may
from app.rules.cards import MOST_CARDS, Card, CardChoice, chosen_numbers
from app.rules.idempotency import Kept, Keyed
from app.rules.posters import PosterStore
from app.rules.refusals import RuleBroken
from app.rules.sheets import Layout

_T = TypeVar("_T")
_CARDS = "print-cards"
_POSTER = "print-poster"
_JOIN = "join/"
"""Before a store's code: what a survey's address, which has no slash, cannot be."""


@dataclass(frozen=True)
class TypedRun:
    """What stands in the form of a print run."""

    who: str = "members"
    members: str = ""
    tier: str = ""
    layout: Layout = Layout.CR80
    anew: bool = False

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "TypedRun":
        """As a browser sends it."""
        layout = str(form.get("layout", ""))
        return cls(
            who=str(form.get("who", "members")),
            members=str(form.get("members", "")),
            tier=str(form.get("tier", "")),
            layout=Layout(layout) if layout in set(Layout) else Layout.CR80,
            anew=bool(form.get("anew")),
        )

    @property
    def choice(self) -> CardChoice:
        """For whom: of the three ways to say it, the one that is ticked."""
        if self.who == "everyone":
            return CardChoice(everyone=True)
        if self.who == "tier":
            return CardChoice(tier=self.tier)
        return CardChoice(numbers=chosen_numbers(self.members))


class _PrintPage(BaseView):
    """What both pages share."""

    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports every page

    def _database(self) -> Database:
        return self._admin_ref.database

    def _press(self) -> Press:
        admin = self._admin_ref
        return Press(admin.app.state.templates, asking().policy, admin.settings.base_url)

    def _is_local(self) -> bool:
        """Whether the QR codes would lead to this machine only."""
        return not self._admin_ref.settings.public_url


class CardsPage(_PrintPage):
    """Print member cards."""

    subject: ClassVar[str] = "cards"

    @expose("/cards", methods=["GET", "POST"], identity="cards")
    async def cards(self, request: Request) -> Response:
        """Choose, count, print. For the owner, the manager and reception."""
        if request.method == "GET":
            ids = [int(one) for one in request.query_params.get("customers", "").split(",") if _is_id(one)]
            members = "\n".join(await anyio.to_thread.run_sync(self._numbers, ids)) if ids else ""
            return await self._page(request, TypedRun(members=members))
        form = await request.form()
        run, keyed = TypedRun.of(form), _per_run(request)
        is_printing = form.get("step") == "print"
        done = await _refused_or(lambda: self._print(run, keyed) if is_printing else self._count(run))
        if isinstance(done, bytes):
            return _download(done, f"cards-{asking().today:%Y%m%d}.pdf")
        return await self._page(request, run, done)

    async def _page(self, request: Request, run: TypedRun, done: RuleBroken | tuple[CardHolder, ...] = ()) -> Response:
        refusal = done if isinstance(done, RuleBroken) else None
        context = {
            "run": run,
            "tiers": await anyio.to_thread.run_sync(self._tiers),
            "layouts": tuple(Layout),
            "holders": () if isinstance(done, RuleBroken) else done,
            "errors": {refusal.field or "": refusal.say(gettext)} if refusal else {},
            "most": MOST_CARDS,
            "is_local": self._is_local(),
        }
        status = refusal.status if refusal else 200
        return await self.templates.TemplateResponse(request, "cards/print.html", context, status_code=status)

    def _count(self, run: TypedRun) -> tuple[CardHolder, ...]:
        with self._database().reading() as session:
            return card_holders(session, run.choice, within=reach(Customer))

    def _print(self, run: TypedRun, keyed: Keyed | None) -> bytes:
        here, press = asking(), self._press()
        press.check(word for holder in self._count(run) for word in (holder.name, holder.tier))
        with self._database().writing(here.actor) as session:

            def issue() -> Kept:
                cards = issue_cards(
                    session,
                    run.choice,
                    layout=run.layout,
                    anew=run.anew,
                    policy=here.policy,
                    now=here.now,
                    zone=here.zone,
                    within=reach(Customer),
                )
                return Kept(200, json.dumps([asdict(card) for card in cards], default=date.isoformat))

            kept = do_once(session, keyed, issue, now=here.now)
        return press.member_cards(_cards_of(kept), run.layout)

    def _numbers(self, ids: list[int]) -> tuple[str, ...]:
        with self._database().reading() as session:
            return member_numbers(session, ids, within=reach(Customer))

    def _tiers(self) -> tuple[str, ...]:
        with self._database().reading() as session:
            return tier_names(session)


class PostersPage(_PrintPage):
    """Print a poster: a survey's, or a store's for signing up."""

    subject: ClassVar[str] = "posters"

    @expose("/posters", methods=["GET", "POST"], identity="posters")
    async def posters(self, request: Request) -> Response:
        """Choose what the code leads to and a paper, print. For the owner, the manager, reception and the marketer."""
        if request.method == "GET":
            return await self._page(request, slug="", chosen_id=request.query_params.get("survey", ""))
        form = await request.form()
        slug, size = str(form.get("survey", "")), PosterSize.A6 if form.get("size") == "a6" else PosterSize.A4
        if await is_language_switch(request):
            return await self._page(request, slug=slug, size=size)
        keyed = _per_run(request)
        done = await _refused_or(lambda: self._print(slug, size, keyed))
        if isinstance(done, bytes):
            return _download(done, f"poster-{slug.replace('/', '-')}-{size.value}.pdf")
        return await self._page(request, slug=slug, size=size, refusal=done)

    async def _page(
        self,
        request: Request,
        *,
        slug: str,
        chosen_id: str = "",
        size: PosterSize = PosterSize.A4,
        refusal: RuleBroken | None = None,
    ) -> Response:
        surveys, stores = await anyio.to_thread.run_sync(self._choices)
        context = {
            "surveys": surveys,
            "stores": stores,
            "chosen": slug or next((survey.slug for survey in surveys if str(survey.id) == chosen_id), ""),
            "is_postable": not chosen_id or any(str(survey.id) == chosen_id for survey in surveys),
            "size": size,
            "error": refusal.say(gettext) if refusal else "",
            "is_local": self._is_local(),
        }
        status = refusal.status if refusal else 200
        return await self.templates.TemplateResponse(request, "posters/print.html", context, status_code=status)

    def _print(self, slug: str, size: PosterSize, keyed: Keyed | None) -> bytes:
        press = self._press()
        with self._database().reading() as session:
            poster = self._poster(session, slug)
        document = (
            press.join_poster(poster, size)
            if isinstance(poster, PosterStore)
            else press.survey_poster(title=poster.title, slug=poster.slug, size=size)
        )
        with self._database().writing(asking().actor) as session:

            def issue() -> Kept:
                if isinstance(poster, PosterStore):
                    issue_join_poster(session, poster.code, size=size.value, within=reach(Store))
                else:
                    issue_poster(session, slug, size=size.value, within=reach(Survey))
                return Kept(200, slug)

            do_once(session, keyed, issue, now=asking().now)
        return document

    def _poster(self, session: Session, slug: str) -> PosterStore | PosterSurvey:
        if slug.startswith(_JOIN):
            return poster_store(session, slug.removeprefix(_JOIN), within=reach(Store))
        return poster_survey(session, slug, within=reach(Survey))

    def _choices(self) -> tuple[tuple[PosterSurvey, ...], tuple[PosterStore, ...]]:
        with self._database().reading() as session:
            return postable_surveys(session, within=reach(Survey)), poster_stores(session, within=reach(Store))


class PrintsCards:
    """A register of customers whose rows can be picked for printing. It only opens the page: SQLAdmin's actions are
    links, and a link must not change anything."""

    def has_permission(self, request: Request, action: str, obj: Any = None) -> bool:
        """Whoever may print cards may pick them."""
        if action == custom_action(_CARDS):
            return _may_do("cards")
        return super().has_permission(request, action, obj)  # type: ignore[misc]  # of the view it is mixed into

    @action(_CARDS, later("打印会员卡"))
    async def print_cards(self, request: Request) -> Response:
        """The print page with the picked customers. For whoever may print cards."""
        picked = ",".join(one for one in request.query_params.get("pks", "").split(",") if _is_id(one))
        return RedirectResponse(f"/admin/cards?customers={picked}", 303)


class PrintsPoster:
    """A register of surveys whose posters can be printed."""

    def has_permission(self, request: Request, action: str, obj: Any = None) -> bool:
        """Whoever may print posters finds them here."""
        if action == custom_action(_POSTER):
            return _may_do("posters")
        return super().has_permission(request, action, obj)  # type: ignore[misc]  # of the view it is mixed into

    @action(_POSTER, later("打印海报"), add_in_list=False)
    async def print_poster(self, request: Request) -> Response:
        """The print page with this survey. For whoever may print posters."""
        picked = request.query_params.get("pks", "")
        return RedirectResponse(f"/admin/posters?survey={picked if _is_id(picked) else ''}", 303)


def _per_run(request: Request) -> Keyed | None:
    """The key of a print run. The page stays open after the download, so what is chosen next is another run, not the
    same one with another body."""
    keyed: Keyed | None = getattr(request.state, "once", None)
    return None if keyed is None else replace(keyed, key=f"{keyed.key[:200]} {keyed.body.hex()}")


def _cards_of(kept: Kept) -> tuple[Card, ...]:
    cards = json.loads(kept.answer)
    return tuple(Card(**card | {"valid_until_on": date.fromisoformat(card["valid_until_on"])}) for card in cards)


def _may_do(subject: str) -> bool:
    person = asking().person
    return person is not None and may(person.role, subject, "do")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


async def _refused_or(work: Callable[[], _T]) -> _T | RuleBroken:
    """What the work gives, or why it was refused. In a thread: laying out a thousand cards takes a minute."""
    try:
        return await anyio.to_thread.run_sync(work)
    except RuleBroken as refusal:
        return refusal


def _download(document: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(document, media_type="application/pdf", headers=headers)
