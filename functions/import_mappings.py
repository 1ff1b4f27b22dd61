"""HTTP API: saved mappings of import files. `functions.start_import` serves these routes."""

import re
from datetime import UTC, datetime

from aws_lambda_powertools import Logger
from pydantic import BaseModel, TypeAdapter, ValidationError

from functions.telemetry.metrics import SERVICE
from functions.web.api import Api, Caller, Page
from functions.web.paging import Limit, PageQuery, page_of
from shared.column_mapping import ColumnMapping, MappingName, mapping_faults, pinned
from shared.contract.imports import MappingEntry, MappingView
from shared.errors import Fault, NotFound, Path, Refused
from shared.import_job import Kind
from shared.store.import_mappings import (
    SavedMapping,
    delete_mapping,
    get_mapping,
    list_mappings,
    put_mapping,
)

logger = Logger(service=SERVICE, child=True)
routes = Api("Imports")

_NAME: TypeAdapter[str] = TypeAdapter(MappingName)
_PLACES = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class MappingToSave(ColumnMapping, frozen=True, extra="forbid"):
    """A mapping to save, for one kind of files."""

    kind: Kind


class MappingsQuery(BaseModel, frozen=True, extra="forbid"):
    """The requested page of saved mappings."""

    limit: Limit = 20
    cursor: str | None = None


@routes.get("/api/v1/import-mappings/", scope="records:read")
def list_import_mappings(caller: Caller, query: MappingsQuery) -> Page[MappingEntry]:
    """List the saved mappings by name, without their content."""
    return page_of(
        caller,
        PageQuery(**query.model_dump(exclude_unset=True)),
        walk=lambda after: list_mappings(caller.company, after),
        place=lambda saved: saved.name,
        load=lambda some: (MappingEntry.model_validate(dict(saved)) for saved in some),
        places=_PLACES,
    )


@routes.get("/api/v1/import-mappings/<name>/", scope="records:read")
def show_import_mapping(caller: Caller, name: str) -> MappingView:
    """Get a saved mapping."""
    return _view(_saved(caller, name))


@routes.route("PUT", "/api/v1/import-mappings/<name>/", scope="imports:write")
def save_import_mapping(caller: Caller, name: str, request: MappingToSave) -> MappingView:
    """Save a mapping, or replace the one with this name.

    Imports that have begun keep the content that it had. The name has lower-case letters, digits,
    `.`, `_` and `-`, at most 64.
    """
    try:
        _NAME.validate_python(name)
    except ValidationError:
        message = (
            "must have 1 to 64 lower-case letters, digits, dots, underscores and hyphens, and"
            " begin with a letter or digit"
        )
        raise Refused(
            "validation_error",
            f"name: {message}",
            faults=[Fault("invalid_value", message, "name", None, name[:100])],
        ) from None
    refuse_mapping(request, request.kind)
    saved = SavedMapping(
        name=name,
        kind=request.kind,
        content=pinned(request).content.decode(),
        updated_at=datetime.now(UTC).replace(microsecond=0),
        updated_by=caller.prefix,
    )
    put_mapping(caller.company, saved)
    logger.info("import_mapping_saved", mapping=name)
    return _view(saved)


@routes.delete("/api/v1/import-mappings/<name>/", scope="imports:write")
def delete_import_mapping(caller: Caller, name: str) -> None:
    """Delete a saved mapping. Imports that use it keep its content."""
    _saved(caller, name)
    delete_mapping(caller.company, name)
    logger.info("import_mapping_deleted", mapping=name)


def refuse_mapping(mapping: ColumnMapping, kind: Kind, path: Path = ()) -> None:
    """Raise Refused, with all faults, for a mapping that can't be used for a kind of file."""
    if faults := mapping_faults(mapping, kind, path):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        message = f"{faults[0].field or 'mapping'}: {faults[0].message}{more}"
        raise Refused("validation_error", message, faults=faults)


def _saved(caller: Caller, name: str) -> SavedMapping:
    """The mapping with this name. Raises NotFound."""
    saved = get_mapping(caller.company, name) if _PLACES.fullmatch(name) else None
    if saved is None:
        raise NotFound(f"There is no saved mapping {name[:100]!r}")
    return saved


def _view(saved: SavedMapping) -> MappingView:
    fields = saved.mapping.model_dump() | saved.model_dump(exclude={"content"})
    return MappingView.model_validate(fields)
