"""Filters in the embedded engine's terms."""

from collections.abc import Container, Mapping
from uuid import UUID

import qdrant_edge as q

from gallery.folding import folded_words
from gallery.stores.filters import Circle, Condition, Filter, MoreThan, WantedValue, Words
from gallery.stores.payload import INDEXED_KEYS

_Condition = q.FieldCondition | q.IsEmptyCondition | q.HasIdCondition | q.Filter


def engine_filter(wanted: Filter, absent: Container[str]) -> q.Filter:
    """Return a filter for the engine.

    Args:
        wanted: What has to hold.
        absent: Keys that no picture has, so that none need be read.
    """
    unwanted = [_condition(condition, absent) for condition in wanted.must_not]
    without = [q.HasIdCondition({UUID(id) for id in wanted.without})] if wanted.without else []
    within = [] if wanted.within is None else [q.HasIdCondition({UUID(id) for id in wanted.within})]
    must = [_condition(condition, absent) for condition in wanted.must]
    either = [q.Filter(should=[engine_filter(each, absent) for each in choice]) for choice in wanted.either]
    neither = [engine_filter(each, absent) for each in wanted.neither]
    return q.Filter(must=[*must, *within, *either], must_not=[*unwanted, *without, *neither])


def _condition(condition: Condition, absent: Container[str]) -> _Condition:
    key, wanted = condition
    if key in absent:
        return q.Filter() if wanted is None else q.HasIdCondition(set())  # all pictures, or none
    return _field(key, wanted)


def _field(key: str, wanted: WantedValue) -> q.FieldCondition | q.IsEmptyCondition:
    if wanted is None:
        return q.IsEmptyCondition(key)
    if isinstance(wanted, Words):
        return q.FieldCondition(key=key, match=q.MatchText(folded_words(wanted.text)))
    if isinstance(wanted, Mapping):
        kind = q.RangeDateTime if INDEXED_KEYS.get(key) == "datetime" else q.RangeFloat
        return q.FieldCondition(key=key, range=kind(**wanted))
    if isinstance(wanted, Circle):
        centre = q.GeoPoint(wanted.longitude, wanted.latitude)
        return q.FieldCondition(key=key, geo_radius=q.GeoRadius(centre, wanted.metres))
    if isinstance(wanted, MoreThan):
        return q.FieldCondition(key=key, values_count=q.ValuesCount(gt=wanted.values))
    match = q.MatchValue(wanted) if isinstance(wanted, str | int) else q.MatchAny(wanted)
    return q.FieldCondition(key=key, match=match)
