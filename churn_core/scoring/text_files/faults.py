"""The faults of a text file as a whole. No message holds a cell's value or a column name of the file."""

from __future__ import annotations

from churn_core.errors import InputFileError


class TextFaults:
    """Makes the errors about one file.

    Parameters
    ----------
    name : str
        What messages call the file: its path, or ``The file`` where the path is not to be shown.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def not_text(self, encoding: str) -> InputFileError:
        """Return the error about bytes that the encoding does not have."""
        return InputFileError(
            "not-text",
            f"{self.name} is not valid {encoding.upper()}; save it with the encoding {encoding.upper()}, or"
            " name its encoding (such as --reader encoding=cp1252 or encoding=utf-16).",
        )

    def gzip_as_text(self) -> InputFileError:
        """Return the error about a compressed file whose name does not say so."""
        return InputFileError("not-text", f"{self.name} is compressed with gzip; let its name end in .gz.")

    def nul(self) -> InputFileError:
        """Return the error about zero bytes in the text."""
        return InputFileError(
            "not-text",
            f"{self.name} holds NUL bytes; save it as plain UTF-8 text, or name its encoding"
            " (such as --reader encoding=utf-16-le).",
        )

    def bad_compression(self) -> InputFileError:
        """Return the error about a damaged gzip stream."""
        return InputFileError(
            "bad-compression", f"{self.name} is not a whole gzip file; compress or copy it again."
        )

    def too_large(self) -> InputFileError:
        """Return the error about a file that holds too many bytes once it is decompressed."""
        return InputFileError(
            "too-large", f"{self.name} is too large when it is decompressed; write it as several parts."
        )

    def too_many_rows(self, most: int) -> InputFileError:
        """Return the error about too many rows."""
        return InputFileError(
            "too-many-rows", f"{self.name} has over {most} rows; write it as several parts."
        )

    def too_many_columns(self, most: int) -> InputFileError:
        """Return the error about too many columns."""
        return InputFileError(
            "too-many-columns", f"{self.name} has over {most} columns; write only the needed ones."
        )

    def dialect(self, what: str) -> InputFileError:
        """Return an error about the file's layout; `what` follows the file's name."""
        return InputFileError("dialect", f"{self.name} {what}")
