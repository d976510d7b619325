"""Videos on the page and in the API: a mark with the time, and the file in ranges of bytes."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from drawn_videos import draw_video
from served import Served, draw, served, served_again

pytest.importorskip("av", reason="videos are read with PyAV, of the extra `video`")


def draw_holiday(folder: Path) -> None:
    draw(folder)
    draw_video(folder / "holiday.mp4", ("gold", "red", "blue"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), draw_holiday) as running:
        yield running


def test_a_hit_of_a_video_has_a_mark_with_its_time(page: Served) -> None:
    (hit,) = page.client.get("/api/search?q=red&kind=video").json()["hits"]
    assert (hit["kind"], hit["frame"], hit["score"]) == ("video", 14, 1)
    tiles = page.client.get("/?q=red&kind=video").text
    assert '<span aria-hidden="true">▶</span> 0:14</span>' in tiles
    detail = page.client.get(f"/pictures/{hit['id']}").text
    assert "holiday.mp4 at 0:14" in detail
    assert f'<video controls preload="none" src="/images/{hit["id"]}#t=14.0"' in detail
    assert "holiday.mp4" not in detail.split("More like this</h2>")[1], "another frame is no other picture"
    assert "media-src 'self'" in page.client.get("/").headers["content-security-policy"]
    assert "<video" not in page.client.get(f"/pictures/{page.id_of('red.png')}").text
    assert page.client.get("/api/collection").json()["pictures"] == len(
        page.client.get("/api/search?limit=50").json()["hits"]
    )


def test_a_video_is_given_in_ranges_and_only_as_it_was_indexed(page: Served) -> None:
    video = page.photos / "holiday.mp4"
    whole, id = video.read_bytes(), page.id_of("holiday.mp4")
    answer = page.client.get(f"/images/{id}")
    assert (answer.content, answer.headers["content-type"]) == (whole, "video/mp4")
    part = page.client.get(f"/images/{id}", headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert part.headers["x-content-type-options"] == "nosniff"
    assert page.client.get(f"/images/{id}", headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    ids = [hit["id"] for hit in page.client.get("/api/search?kind=video&limit=9").json()["hits"]]
    archive = zipfile.ZipFile(BytesIO(page.client.get("/images.zip", params={"id": ids}).content))
    assert archive.read("holiday.mp4") == whole
    video.write_bytes(whole[:-1] + b"x")
    refused = page.client.get(f"/images/{id}", headers={"range": "bytes=0-9"})
    assert refused.status_code in (404, 410, 422), "something else lies there now"
    assert b"xx" not in refused.content
    video.write_bytes(whole)


def test_thumbnails_and_views_are_of_the_frame(page: Served) -> None:
    hits = [page.client.get(f"/api/search?q={colour}&kind=video").json()["hits"][0] for colour in ("red", "blue")]
    for size in ("thumbs", "views"):
        shown = [page.client.get(f"/{size}/{hit['id']}.jpg") for hit in hits]
        assert shown[0].content != shown[1].content
        assert shown[0].headers["etag"] != shown[1].headers["etag"]


def test_a_page_that_hides_places_gives_no_video(page: Served) -> None:
    with served_again(page.settings, page.photos, hide_places=True) as discreet:
        id = page.id_of("holiday.mp4")
        assert discreet.client.get(f"/images/{id}").status_code == 403
        assert "<video" not in discreet.client.get(f"/pictures/{id}").text
