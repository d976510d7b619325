"""The values that packages exchange: frozen and without behaviour."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file that holds a picture.

    Attributes:
        path: Absolute. If it is not UTF-8, its bytes are surrogates, as `os.fsdecode` makes them.
        size: In bytes.
        mtime_ns: In nanoseconds since 1970.
        changed: A value, such as the ctime, that changes even with an edit that keeps size and mtime; 0 if unknown.
        captions: The sentences that a captions file has for it.
    """

    path: str
    size: int
    mtime_ns: int
    changed: int = field(default=0, compare=False)
    captions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text in a picture.

    Attributes:
        confidence: How sure the reader is, 0 to 1.
        box: Left, top, right and bottom of the upright rectangle around it, as fractions of the picture's sides.
    """

    text: str
    confidence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One picture of a collection, or one frame of a video: everything its point says but the vector.

    The same bytes are one picture, however many files hold them.

    Attributes:
        id: The point's id, a UUID.
        files: All its places, sorted by path; never empty.
        width: Pixels of the upright picture.
        height: Pixels of the upright picture.
        format: Pillow's name of the file format, e.g. `JPEG`.
        camera: Maker and model.
        taken_at: When it was taken, in ISO 8601: a day, or a moment by the camera's clock, with an offset only if one
            is known. None if unknown; it is then sorted by its files' mtimes.
        orientation: The EXIF orientation of the file's pixels, 1 to 8; 1 is upright.
        captions: All sentences and keywords: from a captions file, then `said`.
        indexed_at: RFC 3339, when the vector was made.
        phash: Perceptual hash, 32 hexadecimal digits, or 16 without colour in collections of earlier versions; None if
            the picture is too flat for one.
        stack: The smallest id among the near-duplicates of this picture, itself included.
        date_source: What said when it was taken: `exif`, `xmp`, `iptc`, `gps`, `png`, `video`,
            `takeout` or `name`; `mtime`
            where nothing did. None in records of earlier versions.
        location: Latitude and longitude in degrees, where it was taken.
        place: What that is called, the smallest first: Belém, Lisbon, Portugal.
        said: Titles, descriptions and keywords, from the file and from its side-cars.
        notes: What a user should know about how it was read, such as `damaged: 38 % missing`.
        text: The lines of text that it shows, in reading order.
        text_reader: What looked for text in it; None if nothing has yet.
        frame: For a frame of a video, the second at which it is shown; None for a picture.
        frames: The seconds of all frames of its video, `frame` among them; the same in the record of each.
    """

    id: str
    sha256: str
    files: tuple[ImageFile, ...]
    width: int
    height: int
    format: str
    camera: str | None
    taken_at: str | None
    orientation: int
    captions: tuple[str, ...]
    indexed_at: str
    phash: str | None = None
    stack: str | None = None
    date_source: str | None = None
    location: tuple[float, float] | None = None
    place: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    text: tuple[TextLine, ...] = ()
    text_reader: str | None = None
    frame: float | None = None
    frames: tuple[float, ...] = ()

    @property
    def points(self) -> int:
        """How many points its file has: one, or for a video one per frame."""
        return len(self.frames) or 1

    @property
    def path(self) -> str:
        """The first of its places."""
        return self.files[0].path


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture and how well it matches a query.

    Attributes:
        score: The cosine of the two vectors, or another system's score; higher is better.
        probability: The probability that text and picture match, 0 to 1; only with a calibration.
        cosine: The cosine of the query's vector and the picture's; only if reasons were requested.
        words: The query's words that the picture has; only if reasons were requested.
    """

    image: ImageRecord
    score: float
    probability: float | None = None
    cosine: float | None = None
    words: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence that describes an image. The image has the name that the captions file gives it.

    Attributes:
        image: The image that the sentence was written for; empty if unknown.
        id: The sentence's own name, `IMAGE#NUMBER` in Flickr8k's files; empty if it has none.
    """

    image: str
    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """People's judgements on whether an image and a sentence match.

    Attributes:
        image: The image that was shown, which need not be the caption's own.
        grades: The experts', 1 (not at all) to 4 (describes it); empty if none was asked. Flickr8k's file has them
            sorted, so a position in the tuple does not stand for a person.
        yes: How many people of the crowd said that the sentence describes the image.
        no: How many said that it does not; both are 0 if the crowd was not asked.
    """

    image: str
    caption: Caption
    grades: tuple[int, ...] = ()
    yes: int = 0
    no: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """An image, a sentence, and the probability that they match, 0 to 1."""

    image: str
    caption: Caption
    probability: float
