"""Photos of a customer's treatments on one page: look, compare, add. They come as a file and are never a public address."""

from datetime import date
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.photos import PhotoDetails, PhotoFile, add_photo
from app.admin_base.asking import asking, reach
from app.admin_base.once import Answer
from app.admin_base.writing import Refused, prepare, write
from app.gateways.media import drop_photo, photo_of, take_photo
from app.i18n import gettext
from app.labels import choices_of
from app.models import Customer, Photo
from app.queries.photos import ForPhotos, for_photos, photo_file, photos_of
from app.rules.access import may
from app.rules.photos import LARGEST_MB, PhotoGone
from app.rules.refusals import RuleBroken, words
from app.settings import Settings
from app.vocabulary import PhotoKind

_KEPT = words("照片已保存")
_DAY_WRONG = words("请写清楚是哪天拍的，今天或以前。")


class DayWrong(RuleBroken):
    """No day, or one to come."""

    code = "day_wrong"
    message = _DAY_WRONG


class _PhotoPage(BaseView):
    """What both pages share."""

    subject: ClassVar[str] = "photographs"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """A customer's page leads here."""
        return False

    def _settings(self) -> Settings:
        return self._admin_ref.settings

    @staticmethod
    def _may(action: str, subject: str = "photos") -> bool:
        person = asking().person
        return person is not None and may(person.role, subject, action)


class PhotosPage(_PhotoPage):
    """The photos of one customer."""

    @expose("/desk/photos", methods=["GET", "POST"], identity="photographs")
    async def photographs(self, request: Request) -> Response:
        """See and add them: owner, manager; a beautician those of whom she serves."""
        member_no = request.query_params.get("customer", "")
        form = FormData()
        errors: dict[str, list[str]] = {}
        sentence = ""
        if request.method == "POST":
            form = await request.form()
            member_no = str(form.get("customer", ""))
            try:
                return (await self._add(request, form)).lead(request)
            except Refused as refusal:
                errors, sentence = getattr(request.state, "field_errors", {}), str(refusal)
        found, photos = await anyio.to_thread.run_sync(self._read, member_no)
        if found is None:
            raise HTTPException(404)
        context = {
            "customer": found,
            "photos": photos,
            "kinds": choices_of(PhotoKind),
            "typed": {name: str(form.get(name, "")) for name in ("kind", "taken_on", "visit", "note")},
            "today": asking().today.isoformat(),
            "errors": {name: " ".join(said) for name, said in errors.items()},
            "error": sentence,
            "largest": LARGEST_MB,
            "can_add": self._may("create"),
            "can_agree": self._may("create", "consents"),
        }
        status = getattr(request.state, "refused_status", 422) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(request, "desk/photos.html", context, status_code=status)

    async def _add(self, request: Request, form: FormData) -> Answer:
        if not self._may("create"):
            raise HTTPException(403)
        request.state.form_names = ("photo", "kind", "taken_on", "visit", "note", "customer")
        brought = form.get("photo")
        data = await brought.read() if isinstance(brought, UploadFile) else b""
        here, settings = asking(), self._settings()
        kept: list[str] = []

        def keep(typed: dict[str, Any], row: Any) -> dict[str, Any]:
            taken = take_photo(settings, data)
            kept.append(taken.file_key)
            return {"file": PhotoFile(taken.file_key, taken.sha256, taken.width, taken.height)}

        def work(session: Session) -> Answer:
            customer = for_photos(session, str(form.get("customer", "")), reach(Customer))
            if customer is None:
                raise HTTPException(404)
            add_photo(
                session, _details(customer, form, here.today), file["file"], now=here.now,
                staff_id=here.person.staff_id if here.person else None,
            )  # fmt: skip
            return Answer(f"/desk/photos?customer={customer.member_no}", gettext(_KEPT))

        try:
            file = await prepare(request, keep, {}, None)
            return await write(request, self._admin_ref.database, work)
        except BaseException:
            for key in kept:
                drop_photo(settings, key)
            raise

    def _read(self, member_no: str) -> tuple[ForPhotos | None, tuple[Any, ...]]:
        with self._admin_ref.database.reading() as session:
            found = for_photos(session, member_no, reach(Customer))
            return found, photos_of(session, found.customer_id) if found else ()


class PicturePage(_PhotoPage):
    """One picture, never a public address."""

    @expose("/desk/photos/{photo}", methods=["GET"], identity="picture")
    async def picture(self, request: Request) -> Response:
        """The picture itself, for whoever may see the customer's photos, and while the customer agrees."""
        text = request.path_params["photo"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        jpeg = await anyio.to_thread.run_sync(self._picture, number)
        return Response(
            jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store", "Content-Disposition": "inline"}
        )

    def _picture(self, number: int) -> bytes:
        with self._admin_ref.database.reading() as session:
            key = photo_file(session, number, reach(Photo))
        try:
            return photo_of(self._settings(), key or "")
        except PhotoGone:
            raise HTTPException(404) from None


def _details(customer: ForPhotos, form: FormData, today: date) -> PhotoDetails:
    kind, visit = str(form.get("kind", "")), str(form.get("visit", ""))
    try:
        taken_on = date.fromisoformat(str(form.get("taken_on", "")))
    except ValueError:
        raise DayWrong("taken_on") from None
    if taken_on > today:
        raise DayWrong("taken_on")
    return PhotoDetails(
        customer_id=customer.customer_id,
        kind=PhotoKind(kind) if kind in set(PhotoKind) else PhotoKind.AFTER,
        taken_on=taken_on,
        visit_id=int(visit) if visit.isdigit() and int(visit) in {number for number, _ in customer.visits} else None,
        note=str(form.get("note", "")).strip()[:500],
    )
