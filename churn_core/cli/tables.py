"""The tables of commands: files, folders, patterns and addresses, and how their columns are read."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from churn_core.cli.arguments import path
from churn_core.cli.output import print_note
from churn_core.errors import ConfigError
from churn_core.sources.addresses import Address, Source, address_scheme, local_source, unfit_address
from churn_core.sources.parts import PartedTable, is_parted, list_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from churn_core.config import Settings
    from churn_core.reader_rules import ReaderRules
    from churn_core.schema import Contract
    from churn_core.scoring.predictor import ChurnPredictor

SAME_TABLE = (
    "Note: these rows are the table that the model was trained on. The model has seen them, so its scores and"
    " figures look better here than on new customers."
)

_NAMED = 3


def table_source(text: str) -> Source:
    """Read the name of a table: a path, a pattern, or an address such as ``s3://bucket/key``."""
    unfit = unfit_address(text)
    if unfit is not None:
        raise argparse.ArgumentTypeError(unfit)
    return path(text) if address_scheme(text) is None else Address(text)


def add_table_options(command: argparse.ArgumentParser, *, match: bool = True) -> None:
    """Add ``--reader`` and ``--match-case-insensitive``."""
    command.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="read text differently this time than the section reader says, such as --reader decimal=,"
        " (delimiter, quote, encoding, header_line, decimal, thousands, missing_tokens, date_formats.COLUMN;"
        " may be repeated)",
    )
    if match:
        command.add_argument(
            "--match-case-insensitive",
            action="store_true",
            help="accept columns whose names differ in case or surrounding blanks",
        )


@contextmanager
def opened_table(name: Source) -> Iterator[Path | PartedTable]:
    """Yield a table as a local file, or as its local parts; say on stderr which files are left out."""
    with local_source(name) as local:
        if not is_parted(local):
            yield local
            return
        table = list_parts(local)
        if table.skipped:
            named = ", ".join(table.skipped[:_NAMED]) + (", ..." if len(table.skipped) > _NAMED else "")
            note = f"{len(table.skipped)} files of {name} are no tables and are left out: {named}."
            print_note(note)
        yield table


def table_files(table: Path | PartedTable) -> list[Path]:
    """Return the files that a table is read from."""
    return table.files if isinstance(table, PartedTable) else [table]


def config_name(path: Path) -> str:
    """Return the name of a configuration for people."""
    from churn_core.config import sample_config_path

    if path != sample_config_path():
        return str(path)
    inside = path.is_relative_to(Path.cwd())
    return f"{path.relative_to(Path.cwd()) if inside else 'the packaged one'}, of the sample table"


def chosen_settings(settings: Settings, options: argparse.Namespace) -> Settings:
    """Return the configuration with the rules that ``--reader`` gives."""
    if not options.reader:
        return settings
    from churn_core.reader_settings import ReaderSettings, overridden_rules

    rules = overridden_rules(settings.reader.rules, options.reader)
    return settings.model_copy(update={"reader": ReaderSettings.model_validate(rules.to_dict())})


def chosen_rules(options: argparse.Namespace) -> ReaderRules | None:
    """Return the rules that ``--reader`` gives; None without it."""
    if not options.reader:
        return None
    from churn_core.reader_rules import ReaderRules
    from churn_core.reader_settings import overridden_rules

    return overridden_rules(ReaderRules(), options.reader)


def reader_keys(options: argparse.Namespace) -> set[str]:
    """Return the keys that ``--reader`` gives; ``churn init`` finds all others.

    Raises
    ------
    ConfigError
        If ``date_formats`` is one of them: ``churn init`` has an option for it.
    """
    keys = {override.partition("=")[0] for override in options.reader}
    if "date_formats" in keys:
        raise ConfigError("--reader date_formats: give it to churn init as --date-format COLUMN=FORMAT.")
    return keys


def chosen_contract(contract: Contract, options: argparse.Namespace) -> Contract:
    """Return a data contract with the rules that ``--reader`` gives."""
    if not options.reader:
        return contract
    from churn_core.reader_settings import overridden_rules

    return replace(contract, reader=overridden_rules(contract.reader, options.reader))


def load_predictor(options: argparse.Namespace) -> ChurnPredictor:
    """Load the bundle of ``--model`` with the rules that ``--reader`` gives."""
    from churn_core.scoring.predictor import ChurnPredictor

    predictor = ChurnPredictor.load(options.model)
    return predictor.with_contract(chosen_contract(predictor.contract, options))
