"""What passes over an existing collection share: none of them encodes a picture."""

from gallery.errors import CollectionError
from gallery.spec import Spec
from gallery.stores import Editor


def settled_spec(collection: Editor) -> Spec:
    """Return the spec of a collection whose encoder is not being changed.

    Raises:
        CollectionError: The encoder is being changed, or there is no such collection.
    """
    if collection.changing() or collection.spec is None:
        raise CollectionError(f"the encoder of {collection.name} is being changed; go on first: ingest PATH")
    return collection.spec
