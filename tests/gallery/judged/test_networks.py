"""The frozen networks, against torchvision's own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.models import resnet50
from torchvision.models.feature_extraction import create_feature_extractor

from gallery.errors import EncoderError
from gallery.judged.networks import ImageNetwork, resnet_pixels


def picture() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(noise).resize((400, 300), Image.Resampling.BICUBIC)


def test_resnet_features_are_what_goes_into_the_last_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = resnet50(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    ours = ImageNetwork("resnet50", str(tmp_path / "weights.pth"), "cpu")
    pixels = ours.pixels(picture())[None, :, 80:144, 80:144]
    with torch.inference_mode():
        inputs = torch.from_numpy(np.ascontiguousarray(pixels))
        expected = create_feature_extractor(theirs, ["flatten"])(inputs)["flatten"].numpy()
    found = ours.features(pixels)
    assert found.shape == (1, ours.dimension) == (1, 2048)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_resnet_pixels_are_nearly_those_of_torchvision() -> None:
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()]
    theirs = transforms.Compose([*steps, transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])(picture())
    assert float(np.abs(resnet_pixels(picture()) - theirs.numpy()).mean()) < 0.03


def test_what_cannot_be_had_is_said_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="choose efficientnet-lite2 or resnet50"):
        ImageNetwork("vgg")
    (tmp_path / "weights.pth").write_bytes(b"none")
    with pytest.raises(EncoderError, match="take --image efficientnet-lite2"):
        ImageNetwork("resnet50", str(tmp_path / "weights.pth"))
