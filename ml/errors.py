"""Errors that are the user's to mend: one line, no traceback, a documented exit code."""

from __future__ import annotations


class CrossSellError(Exception):
    """Base of every error whose text is written for the person at the terminal.

    The text names the file, table, column or setting and says what to do.
    ``exit_code`` is what the console script returns.
    """

    exit_code = 1


class InputError(CrossSellError):
    """The data is not as its contract says (missing table, wrong type, nothing in it)."""

    exit_code = 2


class WarehouseBusyError(CrossSellError):
    """Another process holds the warehouse file."""

    exit_code = 3


class WarehouseAccessError(CrossSellError):
    """The warehouse or a release folder cannot be opened or written."""

    exit_code = 4


class TransformError(CrossSellError):
    """dbt did not finish; its own output says which model or test failed."""

    exit_code = 5


class ModelError(CrossSellError):
    """A saved model or a model's settings cannot be used."""

    exit_code = 6


class RunRejectedError(CrossSellError):
    """A run failed a check, and readers keep the release they have."""

    exit_code = 7
