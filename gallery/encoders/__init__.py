"""A picture or a text becomes a unit vector. An encoder is a folder: two ONNX graphs, a tokenizer and a manifest.

Inside, folders are found, downloaded, built or exported, verified by digest and opened; one class opens all of them.
How a folder is made, and what is in the catalogue, may change without asking anybody; the manifest's format may not.
"""

from gallery.encoders.encoder import Encoder
from gallery.encoders.sessions import processors
from gallery.encoders.towers import PictureEncoder, PictureTower, TextEncoder, TextTower

__all__ = ["Encoder", "PictureEncoder", "PictureTower", "TextEncoder", "TextTower", "processors"]
