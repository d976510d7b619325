"""What others published on the same photos, to stand beside our figures and apart from them."""

from collections.abc import Sequence

PUBLISHED: Sequence[Sequence[str]] = (
    (
        "CLIP ViT-B/32, 1000 photos of Flickr8k, 5000 captions",
        "success@5 0.805",
        "LAION CLIP_benchmark, benchmark.csv, commit 48de38c (image_retrieval_recall@5)",
    ),
    (
        "CLIP ViT-B/32, another 1215 photos of Flickr8k, 6075 captions",
        "success@1 0.511, @5 0.779, @10 0.864",
        "README of ericjtyao05-cmd/CLIP-ViT-B-32-on-Flickr8k",
    ),
    (
        "best CLIP of that table (ViT-H/14, LAION-2B), 1000 photos, 5000 captions",
        "success@5 0.928",
        "LAION CLIP_benchmark, as above",
    ),
    (
        "CLIPScore, CLIP ViT-B/32",
        "τ-c with experts 0.512, τ-b with the crowd 0.344",
        "Hessel et al., EMNLP 2021",
    ),
    (
        "CIDEr, which needs five captions written by people",
        "τ-c with experts 0.439, τ-b with the crowd 0.246",
        "as listed by PAC-S, aimagelab/pacscore",
    ),
)
"""System and data; figures; source."""
