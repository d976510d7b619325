"""Finds pictures by text: from the command line, over HTTP, and from Python.

>>> import doctest_gallery  # pictures all red, green, blue and gold
>>> from search import open_collection
>>> settings, encoder, _ = doctest_gallery.make()
>>> with open_collection("colours", settings, text_encoder=encoder) as colours:
...     for hit in colours.search("2*red + blue", limit=2).hits:
...         print(hit.rank, hit.captions)
1 ['all red']
2 ['all green']
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.collection import Collection, open_collection

__all__ = ["Collection", "open_collection"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module holds; loaded when used, as commands need less
    if name in __all__:
        from search import collection

        return getattr(collection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
