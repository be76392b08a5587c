"""HTTP of decisions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.billing.decisions import queries, service, simulating
from services.billing.decisions.errors import (
    ActivatorNotAPerson,
    OwnPolicy,
    PolicySettled,
    TooManyInvoices,
    UnknownSuppliers,
)
from services.billing.decisions.models import DecisionPolicy, PolicyState
from services.billing.decisions.rules import Difference, Kind
from services.billing.decisions.schemas import (
    DecisionOut,
    PolicyIn,
    PolicyOut,
    SimulatedOut,
    SimulationIn,
    SimulationOut,
    present_policy,
    present_simulation,
)
from services.billing.invoices.queries import get_invoice
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change, set_etag
from shared.idempotency import Idempotent
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute

router = APIRouter(prefix="/billing", tags=["decisions"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.decision-policies:read")]
CanWrite = Annotated[Principal, requires("billing.decision-policies:write")]
CanActivate = Annotated[Principal, requires("billing.decision-policies:approve")]
CanReadInvoices = Annotated[Principal, requires("billing.invoices:read")]
EditedPolicy = Annotated[DecisionPolicy, row_to_change(queries.get_policy, "policy_id", edit=True)]
ACTIVATION_REFUSALS = problems(PolicySettled, OwnPolicy, ActivatorNotAPerson)


@router.post("/decision-policies", status_code=201, dependencies=[Idempotent], responses=problems(UnknownSuppliers))
async def write(wanted: PolicyIn, response: Response, session: Session, by: CanWrite) -> PolicyOut:
    """Write a draft of the policy: rules, groups of suppliers, limits. It decides nothing before it is activated."""
    draft = await service.write_draft(session, wanted, by)
    set_etag(response, draft.version)
    response.headers["Location"] = f"/billing/decision-policies/{draft.id}"
    return present_policy(draft)


@router.get("/decision-policies")
async def list_all(
    session: ReadSession, _by: CanRead, page: PageOf, status: PolicyState | None = None
) -> Page[PolicyOut]:
    """List the versions of the policy, the newest first."""
    return await queries.list_policies(session, page, status)


@router.get("/decision-policies/{policy_id}", responses=problems(NotFound))
async def get(policy_id: UUID, response: Response, session: ReadSession, _by: CanRead) -> PolicyOut:
    """Return one version with its ETag."""
    policy = await queries.get_policy(session, policy_id)
    set_etag(response, policy.version)
    return present_policy(policy)


@router.put("/decision-policies/{policy_id}", status_code=204, responses=problems(PolicySettled, UnknownSuppliers))
async def change(policy: EditedPolicy, wanted: PolicyIn, session: Session, by: CanWrite) -> None:
    """Replace what a draft says; needs If-Match. Whoever does is one of its authors."""
    await service.change_draft(session, policy, wanted, by)


@router.post(
    "/decision-policies/{policy_id}/activation",
    status_code=204,
    dependencies=[Idempotent],
    responses=ACTIVATION_REFUSALS,
)
async def activate(policy: EditedPolicy, session: Session, by: CanActivate) -> None:
    """Let the draft decide; by a person who did not write on it, and with If-Match: what was read is what decides."""
    await service.activate(session, policy, by)


@router.get("/invoices/{invoice_id}/decisions", responses=problems(NotFound))
async def list_decisions(
    invoice_id: UUID, session: ReadSession, _by: CanReadInvoices, page: PageOf
) -> Page[DecisionOut]:
    """List what policies decided about an invoice: by which rule of which version, and what it saw."""
    await get_invoice(session, invoice_id)
    return await queries.list_decisions(session, page, invoice_id)


@router.post(
    "/decision-policies/{policy_id}/simulations",
    status_code=201,
    dependencies=[Idempotent],
    responses=problems(NotFound, TooManyInvoices),
)
async def simulate(
    policy_id: UUID, wanted: SimulationIn, response: Response, session: Session, by: CanWrite
) -> SimulationOut:
    """Tell what a version would have decided about the invoices of some days, and how that differs from what happened.

    Nothing happens to the invoices. They are seen as they came in, and again as they stand if a hold was released.
    """
    policy = await queries.get_policy(session, policy_id)
    simulation = await simulating.simulate(session, policy, wanted, by)
    response.headers["Location"] = f"/billing/decision-simulations/{simulation.id}"
    return present_simulation(simulation)


@router.get("/decision-policies/{policy_id}/simulations", responses=problems(NotFound))
async def list_simulations(policy_id: UUID, session: ReadSession, _by: CanRead, page: PageOf) -> Page[SimulationOut]:
    """List a version's simulations, the newest first."""
    await queries.get_policy(session, policy_id)
    return await queries.list_simulations(session, page, policy_id)


@router.get("/decision-simulations/{simulation_id}", responses=problems(NotFound))
async def get_simulation(simulation_id: UUID, session: ReadSession, _by: CanRead) -> SimulationOut:
    """Return one simulation with its counts."""
    return present_simulation(await queries.get_simulation(session, simulation_id))


@router.get("/decision-simulations/{simulation_id}/decisions", responses=problems(NotFound))
async def list_simulated(
    simulation_id: UUID,
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    outcome: Kind | None = None,
    difference: Difference | None = None,
) -> Page[SimulatedOut]:
    """List what a simulation would have decided, invoice by invoice; by outcome or difference when asked."""
    await queries.get_simulation(session, simulation_id)
    return await queries.list_simulated(session, page, simulation_id, outcome, difference)
