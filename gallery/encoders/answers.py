"""An encoder's vectors for a few fixed texts and drawings, by which it is recognised.

Two folders with different digests may hold the same encoder, exported by different tools or in another precision. If
their answers agree to a cosine of `gallery.spec.SAME_SPACE`, their vectors can be compared.
"""

from PIL import Image, ImageDraw

TEXTS = (
    "a photo of a dog on a beach",
    "Two children playing chess under a RED umbrella!",
    "an empty street at night, seen from above",
    "кот на крыше",
)
"""Short texts, which no tokenizer truncates."""


def drawings() -> list[Image.Image]:
    """Draw four RGB pictures, the same on every machine: of several shapes and colours, with edges and gradients."""
    return [_stripes(), _circles(), _gradient(), _blocks()]


def _stripes() -> Image.Image:
    picture = Image.new("RGB", (320, 240), (30, 60, 160))
    pen = ImageDraw.Draw(picture)
    for left in range(0, 320, 40):
        pen.rectangle((left, 0, left + 17, 239), fill=(230, 40 + left // 2, 30))
    return picture


def _circles() -> Image.Image:
    picture = Image.new("RGB", (240, 360), (245, 240, 220))
    pen = ImageDraw.Draw(picture)
    for number in range(6):
        top = 15 + 55 * number
        pen.ellipse((40 + 10 * number, top, 120 + 10 * number, top + 80), fill=(20, 90 + 25 * number, 60))
    return picture


def _gradient() -> Image.Image:
    across = Image.linear_gradient("L").resize((256, 256))
    return Image.merge("RGB", (across, across.transpose(Image.Transpose.ROTATE_90), Image.radial_gradient("L")))


def _blocks() -> Image.Image:
    picture = Image.new("RGB", (224, 224))
    pen = ImageDraw.Draw(picture)
    for row in range(7):
        for column in range(7):
            colour = (36 * row, 36 * column, 255 - 18 * (row + column))
            pen.rectangle((32 * column, 32 * row, 32 * column + 31, 32 * row + 31), fill=colour)
    return picture
