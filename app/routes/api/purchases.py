"""Sales and refunds, as tills tell them."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from app.actions.idempotency import do_once
from app.actions.till import RefundAsked, take_refund, take_sale
from app.queries.policy import current_policy
from app.routes.api.keyed import OnceDep, answered, router
from app.routes.api.shapes import RefundMade, RefundShown, SaleMade, SaleShown
from app.routes.callers import ProgramDep
from app.routes.deps import DatabaseDep, Now, SettingsDep
from app.rules.names import tidy_words

purchases = router()


@purchases.post(
    "/purchases",
    name="api_purchase:create",
    status_code=201,
    response_model=SaleShown,
    responses={200: {"model": SaleShown, "description": "This order is in already: the first answer."}},
)
def create(
    sent: SaleMade, *, database: DatabaseDep, settings: SettingsDep, now: Now, caller: ProgramDep, once: OnceDep
) -> Response:
    """Put a sale in. The same order number again is the same sale; with other content it is refused (409). For the
    owner's programs, with a key."""
    with database.writing(caller.actor) as session:
        told = do_once(
            session,
            once,
            lambda: take_sale(
                session, sent.sale(), caller=caller, policy=current_policy(session), now=now, zone=settings.zone
            ),
            now=now,
        )
    return answered(told)


@purchases.post(
    "/purchases/{order_no:path}/refunds",  # a number may have a slash in it
    name="api_refund:create",
    status_code=201,
    response_model=RefundShown,
    responses={200: {"model": RefundShown, "description": "This refund is in already: the first answer."}},
)
def refund(
    order_no: Annotated[str, Path(max_length=60, description="The sale that is taken back; percent-encoded.")],
    sent: RefundMade,
    *,
    database: DatabaseDep,
    settings: SettingsDep,
    now: Now,
    caller: ProgramDep,
    once: OnceDep,
) -> Response:
    """Take back a sale or a part of it: its points go with it. For the owner's programs, with a key."""
    asked = RefundAsked(
        tidy_words(order_no),
        tidy_words(sent.refund_no),
        sent.amount_fen,
        tuple(line.line() for line in sent.lines or ()),
    )
    with database.writing(caller.actor) as session:
        told = do_once(
            session,
            once,
            lambda: take_refund(
                session, asked, caller=caller, policy=current_policy(session), now=now, zone=settings.zone
            ),
            now=now,
        )
    return answered(told)
