"""Sales, as tills tell them."""

from starlette.responses import Response

from app.actions.idempotency import do_once
from app.actions.till import take_sale
from app.queries.policy import current_policy
from app.routes.api.keyed import OnceDep, answered, router
from app.routes.api.shapes import SaleMade, SaleShown
from app.routes.callers import ProgramDep
from app.routes.deps import DatabaseDep, Now, SettingsDep

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
