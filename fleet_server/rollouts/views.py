"""Pages and API of rollouts. Every number links to the list that it counts."""

from typing import TypeVar

import msgspec
from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from fleet_server.auth.access import actor, requires
from fleet_server.auth.permissions import Permission
from fleet_server.errors import Invalid
from fleet_server.releases import service as releases
from fleet_server.rollouts import policy, queries, service
from fleet_server.rollouts.models import Rollout
from fleet_server.rollouts.policy import Action, RolloutState, Stage
from fleet_server.web import services
from frame_protocol.updates import UpdateState

bp = Blueprint("rollouts", __name__, template_folder="templates")

Body = TypeVar("Body", bound=msgspec.Struct)
SHOWN = [state for state in UpdateState if state is not UpdateState.IDLE]


class NewRollout(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /api/v1/rollouts: named frames, or a percentage, or both."""

    release: str
    frames: tuple[str, ...] = ()
    percent: float = 0.0
    start: bool = True


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /api/v1/rollouts/N/ACTION."""

    reason: str = ""


@bp.get("/rollouts")
@requires(Permission.ROLLOUTS_READ)
def index() -> str:
    """Every rollout, newest first."""
    with services().database.reading() as session:
        rows = [_plain(session, row) for row in queries.all_rollouts(session)]
    return render_template("rollouts/index.html", rollouts=rows, states=SHOWN)


@bp.get("/rollouts/<int:number>")
@requires(Permission.ROLLOUTS_READ)
def detail(number: int) -> str:
    """One rollout: how many frames are in each state, and what may be done."""
    with services().database.reading() as session:
        row = _plain(session, service.get(session, number))
    return render_template("rollouts/detail.html", rollout=row, states=SHOWN)


@bp.get("/rollouts/<int:number>/frames")
@requires(Permission.ROLLOUTS_READ)
def frames(number: int) -> str:
    """The frames behind a number."""
    state = request.args.get("state")
    if state is not None and state not in list(UpdateState):
        raise Invalid(f"?state= is expected to be one of {', '.join(UpdateState)}, got {state!r}")
    with services().database.reading() as session:
        row = _plain(session, service.get(session, number))
        chosen = UpdateState(state) if state else None
        found = queries.frames(session, number, chosen, request.args.get("after", ""))
        rows = [
            {name: getattr(item, name) for name in ("frame_id", "state", "reason", "changed_at", "weights_sha256")}
            for item in found
        ]
    following = rows[-1]["frame_id"] if len(rows) == queries.PAGE else None
    return render_template("rollouts/frames.html", rollout=row, frames=rows, state=state, following=following)


@bp.get("/rollouts/new")
@requires(Permission.ROLLOUTS_MANAGE)
def new() -> str:
    """The form for a new rollout."""
    with services().database.reading() as session:
        names = [release.name for release in releases.all_releases(session)]
    return render_template("rollouts/new.html", releases=names, chosen=request.args.get("release"))


@bp.post("/rollouts")
@requires(Permission.ROLLOUTS_MANAGE)
def create() -> BaseResponse:
    """Make a rollout from the form, as a draft or running."""
    form = request.form
    try:
        percent = float(form.get("percent") or 0)
    except ValueError as error:
        raise Invalid(f"the percentage is expected to be a number, got {form.get('percent')!r}") from error
    wanted = NewRollout(
        release=form.get("release", ""),
        frames=tuple(form.get("frames", "").replace(",", " ").split()),
        percent=percent,
        start=form.get("start") == "yes",
    )
    with services().database.transaction() as session:
        number = _create(session, wanted).id
    return redirect(url_for("rollouts.detail", number=number))


@bp.post("/rollouts/<int:number>/<action>")
@requires(Permission.ROLLOUTS_MANAGE)
def act(number: int, action: str) -> BaseResponse:
    """Start, stop now, resume, finish or withdraw."""
    with services().database.transaction() as session:
        service.act(session, actor(), number, _action(action), request.form.get("reason", ""))
    return redirect(url_for("rollouts.detail", number=number))


@bp.get("/api/v1/rollouts")
@requires(Permission.ROLLOUTS_READ)
def api_index() -> Response:
    """Every rollout, newest first."""
    with services().database.reading() as session:
        return jsonify(rollouts=[_json(session, row) for row in queries.all_rollouts(session)])


@bp.get("/api/v1/rollouts/<int:number>")
@requires(Permission.ROLLOUTS_READ)
def api_detail(number: int) -> Response:
    """One rollout with its counts."""
    with services().database.reading() as session:
        return jsonify(_json(session, service.get(session, number)))


@bp.post("/api/v1/rollouts")
@requires(Permission.ROLLOUTS_MANAGE)
def api_create() -> tuple[Response, int]:
    """Make a rollout, running unless ``start`` is false."""
    with services().database.transaction() as session:
        rollout = _create(session, _body(NewRollout))
        return jsonify(_json(session, rollout)), 201


@bp.post("/api/v1/rollouts/<int:number>/<action>")
@requires(Permission.ROLLOUTS_MANAGE)
def api_act(number: int, action: str) -> Response:
    """Start, halt, resume, finish or withdraw."""
    reason = _body(Reason).reason if request.get_data() else ""
    with services().database.transaction() as session:
        rollout = service.act(session, actor(), number, _action(action), reason)
        return jsonify(_json(session, rollout))


def _create(session: Session, wanted: NewRollout) -> Rollout:
    rollout = service.create(session, actor(), wanted.release, [Stage(percent=wanted.percent, frames=wanted.frames)])
    return service.act(session, actor(), rollout.id, Action.START) if wanted.start else rollout


def _action(text: str) -> Action:
    if text not in list(Action):
        raise Invalid(f"an action is one of {', '.join(Action)}, got {text!r}")
    return Action(text)


def _body(kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.MsgspecError as error:
        raise Invalid(f"the body is expected to be JSON of a {kind.__name__}: {error}") from error


def _plain(session: Session, row: Rollout) -> dict[str, object]:
    counts = queries.counts(session, row.id)
    return {
        **{name: getattr(row, name) for name in ("id", "state", "reason", "created_by", "created_at", "changed_at")},
        "release": row.release.name,
        "stages": service.describe(service.stages_of(row)),
        "counts": {state.value: counts.get(state, 0) for state in SHOWN},
        "actions": [action.value for action in policy.ACTIONS[RolloutState(row.state)]],
    }


def _json(session: Session, row: Rollout) -> dict[str, object]:
    return {
        **_plain(session, row),
        "created_at": row.created_at.isoformat(),
        "changed_at": row.changed_at.isoformat(),
    }
