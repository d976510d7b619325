"""A picture or a text becomes a unit vector. An encoder is a folder: two ONNX graphs, a tokenizer and a manifest.

Inside, folders are found, downloaded, built or exported, verified by digest and opened; one class opens all of them.
How a folder is made, and what the catalogue holds, may change freely; the manifest's format may not.
"""

from gallery.encoders.encoder import Encoder
from gallery.encoders.finding import choose_encoder, encoder_of, load_encoder, place_of
from gallery.encoders.precision import FORMS, SAMPLE, choose_form, form_of, in_form
from gallery.encoders.sessions import Device, choose_device, processors
from gallery.encoders.towers import (
    PICTURES_AT_ONCE,
    PICTURES_AT_ONCE_ON_A_GPU,
    PictureEncoder,
    PictureTower,
    TextEncoder,
    TextTower,
)

__all__ = [
    "FORMS",
    "PICTURES_AT_ONCE",
    "PICTURES_AT_ONCE_ON_A_GPU",
    "SAMPLE",
    "Device",
    "Encoder",
    "PictureEncoder",
    "PictureTower",
    "TextEncoder",
    "TextTower",
    "choose_device",
    "choose_encoder",
    "choose_form",
    "encoder_of",
    "form_of",
    "in_form",
    "load_encoder",
    "place_of",
    "processors",
]
