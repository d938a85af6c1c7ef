"""Fields of records as JSON values."""

from datetime import datetime

from huskies_core.clock import to_iso


def pick(record: object, *names: str) -> dict[str, object]:
    """Return those fields of a record by name. Times are in ISO 8601; other values are unchanged."""
    values = ((name, getattr(record, name)) for name in names)
    return {name: to_iso(value) if isinstance(value, datetime) else value for name, value in values}
