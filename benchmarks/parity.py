"""Do the vectors of a full-size CLIP come out of our path as out of transformers' own? Exits with 1 if not.

    python -m benchmarks.parity [FOLDER]

Compares pictures of FOLDER, or the examples, whose JPEGs are not decoded at a reduced scale, and texts, one of 200
words among them, with CLIPProcessor and CLIPModel; and batches with single encoding.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from gallery.encoder import load_encoder

from benchmarks.full_clip import save_full_clip
from gallery.pictures import find_images
from gallery.pictures import open_image

LEAST_COSINE = 0.9999
MOST_BATCH_DIFFERENCE = 1e-5
PICTURES = 32
TEXTS = [
    "a cat",
    "Two dogs, running on a beach!",
    "кот на крыше",
    "dog.jpg",
    "https://example.org/a.jpg",
    "it's 5 o'clock 🐈",
    "a very long walk " * 50,
]


def main() -> int:
    """Print the least cosines and the greatest difference; return the exit code."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("examples/photos")
    with tempfile.TemporaryDirectory() as saved:
        model, processor = save_full_clip(Path(saved))
        ours = load_encoder(saved, "cpu")
        opened = (open_image(file.path, ours.detail) for file in find_images(folder, lambda *_: None))
        whole = (picture.rgb for picture in opened if max(picture.rgb.size) == max(picture.width, picture.height))
        pictures = [picture for picture, _ in zip(whole, range(PICTURES), strict=False)]
        inputs = processor(text=TEXTS, return_tensors="pt", padding=True, truncation=True, max_length=77)
        with torch.inference_mode():
            theirs_of_pictures = model.get_image_features(**processor(images=pictures, return_tensors="pt"))
            theirs_of_texts = model.get_text_features(**inputs)
        of_pictures, of_texts = ours.encode_images(pictures), ours.encode_texts(TEXTS)
        results = {
            f"least cosine of {len(pictures)} pictures": _least_cosine(of_pictures, theirs_of_pictures.pooler_output),
            f"least cosine of {len(TEXTS)} texts": _least_cosine(of_texts, theirs_of_texts.pooler_output),
        }
        alone = np.concatenate([ours.encode_images([picture]) for picture in pictures])
        difference = float(np.abs(alone - of_pictures).max())
        single = np.concatenate([ours.encode_texts([text]) for text in TEXTS])
        difference = max(difference, float(np.abs(single - of_texts).max()))
    neighbours = (of_pictures * np.roll(of_pictures, 1, axis=0)).sum(axis=1).max()
    print(f"for comparison, greatest cosine of one picture and the next: {neighbours:.4f}")
    for name, cosine in results.items():
        print(f"{name}: {cosine:.7f}")
    print(f"greatest difference of a number in a batch and alone: {difference:.1e}")
    return int(min(results.values()) < LEAST_COSINE or difference > MOST_BATCH_DIFFERENCE)


def _least_cosine(ours: np.ndarray, theirs: torch.Tensor) -> float:
    return float((ours * torch.nn.functional.normalize(theirs).numpy()).sum(axis=1).min())


if __name__ == "__main__":
    sys.exit(main())
