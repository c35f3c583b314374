"""Recognise what a text is that is not JSON, so that an error can say what to send instead."""

from __future__ import annotations

import re
from typing import Final

_MOST_BYTES: Final = 4_096
"""The beginning of a text shows its format."""

_BLANK: Final = b" \t\r\n"
_JSON_LINES: Final = re.compile(rb"[ \t]*\{.*\}[ \t\r]*\n[ \t\r\n]*\{")
_FORM: Final = re.compile(rb"[\w.%+-]+=[^\n{}<>]*(?:&|\Z)")
_PYTHON: Final = re.compile(rb"[\[{][\s\[{]*'")
_NO_NUMBER: Final = re.compile(rb"[:,\[]\s*(?:NaN|-?Infinity|None|True|False)\b")
_TABLE: Final = re.compile(rb"[^\n{}\[\]<>]*[,;\t|][^\n{}\[\]<>]*\r?\n")


def describe_other_format(text: bytes) -> str | None:
    """Describe what a text seems to be instead of JSON, and what to send.

    Parameters
    ----------
    text : bytes
        A text that could not be read as JSON.

    Returns
    -------
    str or None
        One sentence without a value of the text; None if the format is not recognised.
    """
    begin = text[:_MOST_BYTES].strip(_BLANK)
    if not begin:
        return "The text is empty; send a customer as a JSON object."
    if begin.startswith(b"<"):
        return "The text is XML or HTML; send a customer as a JSON object."
    if begin.startswith(b"PAR1"):
        return "This is a Parquet file; score it with 'churn score' or as a file in S3."
    if _JSON_LINES.match(begin):
        return "The text seems to be JSON lines; send one JSON value, such as a list of customers."
    if _PYTHON.match(begin) or _NO_NUMBER.search(begin):
        return "The text seems to be Python, not JSON; write double quotes, null, true and false."
    if _FORM.match(begin):
        return "The text seems to be a form; send a customer as a JSON object."
    if _TABLE.match(begin + b"\n"):
        return "The text seems to be CSV; send JSON objects, or score a file with 'churn score'."
    return None
