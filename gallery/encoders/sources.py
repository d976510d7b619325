"""Making an encoder folder from wherever the name of an encoder leads: packages, ready graphs, a model to export."""

from pathlib import Path

from gallery.encoders.catalogue import find, find_pair, refuse_config, refuse_unfit, share_space
from gallery.encoders.encoder import Say
from gallery.encoders.hub import Hub
from gallery.encoders.ports import has_ports, make_from_ports
from gallery.errors import EncoderError

FALLBACK = "conse"
