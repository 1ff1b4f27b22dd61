"""A minimal route module that uses every feature of `functions.web.api`."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from functions.web.api import Answer, Api, Caller, IdempotencyKey, Page
from shared.errors import Conflict, Fault

api = Api("Things")


class Part(BaseModel, extra="forbid"):
    """A part of a thing."""

    name: Annotated[str, Field(min_length=1, max_length=500)]
    policy: Annotated[
        str | None, Field(validation_alias=AliasChoices("policy_code", "template_code"))
    ] = None
    features: list[str] | list[dict[str, int]] = []


class ThingRequest(BaseModel):
    """What a thing is made of."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"kind": "small", "parts": [{"name": "lid"}]}},
    )

    kind: Literal["small", "large"] = "small"
    parts: list[Part] = Field(min_length=1)
    key: Annotated[str | None, Field(max_length=10)] = None
    password: Annotated[str | None, Field(max_length=10)] = None
    count: int | None = None


class Thing(BaseModel):
    """A thing."""

    id: Annotated[int, Field(examples=[7])]
    company: str
    kind: str


class ThingFilter(BaseModel):
    """Which things."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    kind: Annotated[str | None, Field(alias="kind__iexact", description="`small` or not.")] = None


@api.post("/api/v1/things/", scope="catalog:write", refusals=("order_id_exists",), status=201)
def create_thing(
    caller: Caller, request: ThingRequest, idempotency_key: IdempotencyKey = None
) -> Answer[Thing]:
    """Make a thing.

    It is made once for each `Idempotency-Key`.
    """
    if request.kind == "large":
        raise Conflict(
            "order_id_exists",
            "It exists.",
            faults=[Fault("differs", "differs", "kind", "/kind", "large")],
        )
    headers = {"Seen-Key": idempotency_key} if idempotency_key else None
    return Answer(Thing(id=7, company=caller.company, kind=request.kind), headers=headers)


@api.get("/api/v1/things/", scope="records:read")
def list_things(caller: Caller, query: ThingFilter) -> Page[Thing]:
    """List things."""
    things = [Thing(id=7, company=caller.company, kind=query.kind or "small")]
    return Page(limit=20, count=1, next=caller.link(limit=query.limit, offset=None), results=things)


@api.get("/api/v1/things/<id>/", scope="records:read")
def get_thing(caller: Caller, id: int) -> Thing:
    """Get a thing."""
    return Thing(id=id, company=caller.company, kind="small")


@api.get("/api/v1/things/names/", scope="records:read")
def list_names() -> list[str]:
    """List names."""
    return ["Müller"]


@api.get("/api/v1/things/export/", scope="records:read", content_type="text/csv; charset=utf-8")
def export_things() -> str:
    """Write all things as a file."""
    return "id\r\n7\r\n"


@api.post("/api/v1/things/break/", scope="catalog:write")
def break_thing(request: Part) -> Thing:
    """Fail in a way that nobody expects, with what was sent in the message."""
    raise RuntimeError(f"cannot stand {request.name}")


@api.post("/api/v1/things/pick/", public=True)
def pick_thing(request: Part) -> Part:
    """Give back what was sent, to anyone."""
    return request


handler = api.handler
