"""The facade that the command line and Python programs share."""

from wisedb.repository.repository import Repository

__all__ = ["Repository"]
