"""A CLIP of 0.2 million parameters, trained in a quarter of a minute to tell drawings apart.

Its captions have four independent parts, such as "a small red ring on blue". Saved by transformers, as any CLIP is.
"""

import itertools
import json
import math
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

SIDE = 48
COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 170, 60),
    "blue": (50, 80, 220),
    "yellow": (240, 220, 60),
}
SHAPES = ("circle", "square", "ring")
SIZES = {"small": 0.2, "large": 0.42}
DRAWN_EACH = 16
STEPS = 240
BATCH = 48
LEARNING_RATE = 3e-3


@dataclass(frozen=True)
class Drawing:
    """What is drawn, and where: two of one caption differ in place and angle."""

    size: str
    colour: str
    shape: str
    ground: str

    @property
    def caption(self) -> str:
        return f"a {self.size} {self.colour} {self.shape} on {self.ground}"

    def draw(self, chance: random.Random) -> Image.Image:
        """Return a picture of twice the model's side, so that it is scaled like any photo."""
        side = 2 * SIDE
        image = Image.new("RGB", (side, side), COLOURS[self.ground])
        radius = SIZES[self.size] * side * chance.uniform(0.9, 1.1)
        x, y = (chance.uniform(radius, side - radius) for _ in range(2))
        pen = ImageDraw.Draw(image)
        box = (x - radius, y - radius, x + radius, y + radius)
        if self.shape == "circle":
            pen.ellipse(box, fill=COLOURS[self.colour])
        elif self.shape == "ring":
            pen.ellipse(box, outline=COLOURS[self.colour], width=round(radius / 3))
        else:
            start = chance.uniform(-0.2, 0.2) + math.pi / 4
            angles = [start + math.pi * corner / 2 for corner in range(4)]
            pen.polygon([(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles], COLOURS[self.colour])
        return image


def all_drawings() -> list[Drawing]:
    """Return one drawing per caption: 72."""
    parts = itertools.product(SIZES, COLOURS, SHAPES, COLOURS)
    return [Drawing(size, colour, shape, ground) for size, colour, shape, ground in parts if colour != ground]


def save_untrained(folder: Path, seed: int = 0) -> tuple[CLIPModel, CLIPProcessor]:
    """Save a small CLIP with random weights as transformers does, and return its parts."""
    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    tower = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(
        vision_config={**tower, "image_size": SIDE, "patch_size": 8},
        text_config={**tower, **ends, "vocab_size": len(tokenizer), "max_position_embeddings": 77},
        projection_dim=32,
    )
    model = CLIPModel(config).eval()  # type: ignore[no-untyped-call]
    crop = {"height": SIDE, "width": SIDE}
    processor = CLIPProcessor(CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=crop), tokenizer)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def save_trained(folder: Path, training: list[Drawing], seed: int = 0) -> None:
    """Train on fresh drawings of these captions, a fixed number of steps, and save."""
    model, processor = save_untrained(folder, seed)
    chance = random.Random(seed)
    drawn = [drawing for drawing in training for _ in range(DRAWN_EACH)]
    pixels = processor(images=[drawing.draw(chance) for drawing in drawn], return_tensors="pt")["pixel_values"]
    texts = processor(text=[drawing.caption for drawing in training], return_tensors="pt", padding=True)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=LEARNING_RATE, total_steps=STEPS)
    model.train()
    for _ in range(STEPS):
        captions = torch.tensor(chance.sample(range(len(training)), BATCH))
        drawings = captions * DRAWN_EACH + torch.tensor([chance.randrange(DRAWN_EACH) for _ in range(BATCH)])
        batch = {name: values[captions] for name, values in texts.items()}
        loss = model(**batch, pixel_values=pixels[drawings], return_loss=True).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval().save_pretrained(folder)  # type: ignore[no-untyped-call]


def as_on_the_hub(saved: Path, folder: Path) -> None:
    """Lay a saved CLIP out as sentence-transformers' CLIP models on the hub are."""
    shutil.copytree(saved, folder / "0_CLIPModel")
    module = {"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}
    (folder / "modules.json").write_text(json.dumps([module]))


def _tokenizer() -> CLIPTokenizer:
    """Return CLIP's tokenizer with a vocabulary that spells the words of the captions, and letters for the rest."""
    words = ["a", "on", *SIZES, *COLOURS, *SHAPES]
    letters = [chr(code) for code in range(33, 127)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in words:
        spelled = [*word[:-1], f"{word[-1]}</w>"]
        for end in range(1, len(spelled)):
            pair = ("".join(spelled[:end]), spelled[end])
            if pair not in merges:
                merges.append(pair)
                pieces.append("".join(pair))
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: index for index, piece in enumerate(pieces)}, merges=merges)  # type: ignore[arg-type]


def save_drawings(folder: Path, drawings: list[Drawing], seed: int) -> dict[str, str]:
    """Save a picture of each, and return the path of each caption's."""
    chance = random.Random(seed)
    folder.mkdir()
    paths = {}
    for number, drawing in enumerate(drawings):
        path = folder / f"{number:03d}.png"
        drawing.draw(chance).save(path)
        paths[drawing.caption] = str(path)
    return paths
