"""The OpenAPI document, as bundling writes it next to the functions."""

from pathlib import Path

import pytest

from functions import documents
from functions.web import route_table
from infra.asset import SOURCES, write_openapi
from infra.stamp import BUILD, build_once, digest


def openapi_asset() -> Path:
    """The document, written again only when the sources have changed."""
    made = BUILD / "tests" / "openapi.json"
    with build_once(made.with_suffix(".stamp"), digest(*SOURCES)) as stale:
        if stale:
            write_openapi(made)
    return made


def use_openapi_asset(patch: pytest.MonkeyPatch) -> None:
    """Give the functions of this process the document of their own routes."""
    document = openapi_asset()
    patch.setattr(documents, "ASSETS", document.parent)
    patch.setattr(route_table, "DOCUMENT", document)
    documents.forget_assets()
    route_table.forget_document()
