"""A CLIP of the size of ViT-B/32, with CLIP's own vocabulary and random weights: as slow as the real one.

Its vectors mean nothing. 151 million parameters, 605 MB.
"""

import gzip
from importlib.metadata import distribution
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

VOCABULARY_SIZE = 49408


SMALL_TOWER = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


def save_full_clip(folder: Path, *, small: bool = False) -> tuple[CLIPModel, CLIPProcessor]:
    """Save it as transformers does, and return its parts; `small` makes very small towers."""
    torch.manual_seed(0)
    tower = SMALL_TOWER if small else {}
    config = CLIPConfig(vision_config=tower, text_config=tower, projection_dim=512)
    model = CLIPModel(config).eval()  # type: ignore[no-untyped-call]
    processor = CLIPProcessor(CLIPImageProcessor(), _tokenizer())  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def _tokenizer() -> CLIPTokenizer:
    # Not imported: it needs pkg_resources, which newer environments lack, and only its vocabulary is needed.
    packed = Path(str(distribution("clip-anytorch").locate_file("clip/bpe_simple_vocab_16e6.txt.gz"))).read_bytes()
    letters = list(bytes_to_unicode().values())  # type: ignore[no-untyped-call]
    room = VOCABULARY_SIZE - 2 * len(letters) - 2
    lines = gzip.decompress(packed).decode().split("\n")[1 : room + 1]
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=merges)  # type: ignore[arg-type]
