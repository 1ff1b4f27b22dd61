"""The options `--mapping` and `--product`: what the columns and values of a file mean.

Migration packs are mappings for the exports of other systems. They are the JSON files of
docs/migrations, next to the pages that explain them, and are shipped with the command.
"""

import argparse
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from infra.client.client import ApiProblem, Client
from shared import strict_json
from shared.column_mapping import NO_MAPPING, ColumnMapping, MappingName
from shared.contract.imports import MappingView
from shared.errors import NotFound
from shared.wording import in_words

_INSTALLED = Path(__file__).with_name("packs")
FOLDER = _INSTALLED if _INSTALLED.exists() else Path(__file__).parents[2] / "docs" / "migrations"
"""The packs of the wheel, or those of the checkout."""
_PRODUCT = "product__short_code"


def pack_names() -> list[str]:
    """Return the names of all packs, such as `keygen`."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_pack(name: str) -> ColumnMapping:
    """Return a pack, whose name is one of `pack_names`."""
    return ColumnMapping.model_validate_json((FOLDER / f"{name}.json").read_bytes())


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--mapping",
        type=_mapping,
        metavar="FILE|NAME",
        help="what the columns and values of the file mean: a JSON file, a saved mapping, or the"
        f" name of the system that exported the file: {', '.join(pack_names())}",
    )
    command.add_argument(
        "--product",
        action="append",
        default=[],
        type=_product,
        metavar="NAME=CODE",
        help="short code of the product that the file calls NAME; repeat it for each product",
    )


def used_mapping(client: Client, options: argparse.Namespace) -> ColumnMapping | None:
    """Return the mapping that the options name, with the short codes of `--product`.

    A name is that of a saved mapping, or else that of a pack. Raises ApiProblem if it is neither.
    """
    mapping: ColumnMapping | None = options.mapping
    if isinstance(options.mapping, str):
        mapping = _named(client, options.mapping)
    if not options.product:
        return mapping
    fields = set(ColumnMapping.model_fields)
    content = ColumnMapping(**(mapping or NO_MAPPING).model_dump(include=fields))
    codes = {**content.values.get(_PRODUCT, {}), **dict(options.product)}
    return content.model_copy(update={"values": {**content.values, _PRODUCT: codes}})


def requested(mapping: ColumnMapping | None) -> ColumnMapping | str | None:
    """Return what a request says of it: a saved mapping by its name, any other by its content."""
    return mapping.name if isinstance(mapping, MappingView) else mapping


def _named(client: Client, name: str) -> ColumnMapping:
    try:
        return client.imports.mapping(name)
    except ApiProblem as problem:
        if problem.status != NotFound.status:
            raise
        if name in pack_names():
            return read_pack(name)
        message = f"There is no saved mapping {name}, and no pack. Packs: {', '.join(pack_names())}"
        raise ApiProblem(problem.code, message, status=problem.status) from None


def _mapping(text: str) -> ColumnMapping | str:
    """A mapping from a JSON file, or else the name of one."""
    path = Path(text)
    if not path.is_file():
        try:
            return TypeAdapter(MappingName).validate_python(text)
        except ValidationError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is neither a JSON file nor the name of a mapping"
            ) from None
    try:
        return ColumnMapping.model_validate(strict_json.loads(path.read_text("utf-8-sig")))
    except (strict_json.JsonError, UnicodeError) as error:
        raise argparse.ArgumentTypeError(f"{text} is not JSON: {error}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise argparse.ArgumentTypeError(
            f"{text} is not a mapping: {place} {in_words(fault)}"
        ) from None


def _product(text: str) -> tuple[str, str]:
    name, _, code = (part.strip() for part in text.rpartition("="))
    if not name or not code:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=CODE: the product's name in the file, =, and its short code"
        )
    return name, code
