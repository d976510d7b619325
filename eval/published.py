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

FUSION: Sequence[tuple[str, str, str, str, str]] = (
    ("linear", "ResNet50, TF-IDF", "", "0.217", "danlikendy"),
    ("ridge", "ResNet50, TF-IDF", "", "0.216", "danlikendy"),
    ("network", "ResNet50, TF-IDF", "", "0.191", "danlikendy"),
    ("linear", "ResNet50, DistilBERT", "", "443.35", "dolbilov"),
    ("ridge", "ResNet50, DistilBERT", "", "0.195", "dolbilov"),
    ("network", "ResNet50, DistilBERT", "", "0.175", "dolbilov"),
    ("linear", "ResNet18, BERT", "-1.43", "", "gala-vision"),
    ("ridge", "ResNet50, BERT", "-0.28", "0.216", "ekaterinabogdan"),
    ("network", "ResNet50, BERT", "0.22", "0.152", "ekaterinabogdan"),
    ("ridge", "ResNet50 and BERT, PCA", "0.19", "0.19", "ArinaKorshunova"),
    ("network", "ResNet50 and BERT, PCA", "0.20", "0.19", "ArinaKorshunova"),
)
"""Model, vectors, R², MAE and author of public solutions of the task, split by image alone. Their targets and filters
of rows differ from ours and from each other's."""
