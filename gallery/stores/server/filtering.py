"""Filters in the terms of the server's client."""

from collections.abc import Mapping

from qdrant_client import models

from gallery.folding import folded_words
from gallery.stores.filters import Circle, Condition, MoreThan, Where, Words, as_filter
from gallery.stores.payload import INDEXED_KEYS


def to_filter(where: Where | None) -> models.Filter | None:
    """Return a filter for the client; None passes everything."""
    wanted = as_filter(where)
    if not wanted:
        return None
    conditions: list[models.Condition] = list(map(_condition, wanted.must))
    if wanted.within is not None:
        conditions.append(models.HasIdCondition(has_id=list(wanted.within)))
    unwanted: list[models.Condition] = list(map(_condition, wanted.must_not))
    if wanted.without:
        unwanted.append(models.HasIdCondition(has_id=list(wanted.without)))
    conditions += [
        models.Filter(should=[to_filter(each) or models.Filter() for each in choice]) for choice in wanted.either
    ]
    unwanted += [to_filter(each) or models.Filter() for each in wanted.neither]
    return models.Filter(must=conditions, must_not=unwanted)


def _condition(condition: Condition) -> models.FieldCondition | models.IsEmptyCondition:
    key, wanted = condition
    if wanted is None:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
    if isinstance(wanted, Words):
        return models.FieldCondition(key=key, match=models.MatchText(text=folded_words(wanted.text)))
    if isinstance(wanted, Mapping):
        kind = models.DatetimeRange if INDEXED_KEYS.get(key) == "datetime" else models.Range
        return models.FieldCondition(key=key, range=kind(**wanted))
    if isinstance(wanted, Circle):
        centre = models.GeoPoint(lon=wanted.longitude, lat=wanted.latitude)
        return models.FieldCondition(key=key, geo_radius=models.GeoRadius(center=centre, radius=wanted.metres))
    if isinstance(wanted, MoreThan):
        return models.FieldCondition(key=key, values_count=models.ValuesCount(gt=wanted.values))
    match = models.MatchValue(value=wanted) if isinstance(wanted, str | int) else models.MatchAny(any=wanted)
    return models.FieldCondition(key=key, match=match)
