"""A real server with drawn pictures: its answers, and what it refuses."""

import io
import json
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from letter_encoder import LetterEncoder
from PIL import Image
from served import HOSTILE, Served, draw, index, served, served_again, until

from gallery.vectors import Vectors
from search.web.limits import Limits

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [Path(hit["path"]).name for hit in response.json()["hits"]]


def png(colour: str = "red", size: tuple[int, int] = (20, 20)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, "PNG")
    return target.getvalue()


def send(page: Served, data: bytes, name: str = "x.png") -> httpx.Response:
    return page.client.post("/api/search/image", files={"file": (name, data)})


def test_a_text_finds_its_picture(page: Served) -> None:
    answer = page.client.get("/api/search", params={"q": "red", "limit": 3})
    assert names(answer)[0] == "red.png"
    body = answer.json()
    assert body["hits"][0]["score"] == pytest.approx(1, abs=1e-5)
    assert [hit["rank"] for hit in body["hits"]] == [1, 2, 3]
    assert (body["query"], body["collection"], body["encoder"], body["more"]) == ("red", "drawn", "letters", True)


def test_offset_goes_on_where_limit_ended(page: Served) -> None:
    whole = names(page.client.get("/api/search?q=gold&limit=7"))
    assert names(page.client.get("/api/search?q=gold&limit=3&offset=3")) == whole[3:6]
    last = page.client.get("/api/search?q=gold&limit=3&offset=6").json()
    assert [hit["rank"] for hit in last["hits"]] == [7]
    assert last["more"] is False


def test_without_a_text_all_pictures_come_newest_first(page: Served) -> None:
    body = page.client.get("/api/search?limit=50").json()
    assert len(body["hits"]) == 7
    assert {hit["score"] for hit in body["hits"]} == {None}
    dates = [hit["date"] for hit in body["hits"]]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("format=JPEG", {"leaf.jpg"}),
        ("format=jpg", {"leaf.jpg"}),
        ("width=>=90", {"gold.png", HOSTILE}),
        ("width=>=90&format=PNG&format=JPEG", {"gold.png", HOSTILE}),
        ("folder=warm", {"red.png", "gold.png"}),
        ("path=gold.*&path=leaf.jpg", {"gold.png", "leaf.jpg"}),
        ("orientation=portrait", {"green.png"}),
        ("year=1999", set()),
    ],
)
def test_filters(page: Served, filters: str, expected: set[str]) -> None:
    for query in ("", "q=red&"):
        assert set(names(page.client.get(f"/api/search?{query}{filters}"))) == expected


def test_a_folder_of_the_facets_filters(page: Served) -> None:
    facets = page.client.get("/api/facets").json()
    warm = next(folder for folder in facets["folder"] if folder.endswith("warm"))
    assert facets["folder"][warm] == 2
    assert set(names(page.client.get("/api/search", params={"folder": warm}))) == {"red.png", "gold.png"}
    assert facets["format"] == {"PNG": 6, "JPEG": 1}


def test_a_picture_finds_what_is_like_it(page: Served) -> None:
    assert names(send(page, png("#00f")))[0] in ("blue.png", HOSTILE)
    assert set(names(page.client.get(f"/api/images/{page.id_of('blue.png')}/similar?limit=1"))) == {HOSTILE}


def test_what_is_not_there_is_404(page: Served) -> None:
    for path in (
        f"/thumbs/{NOWHERE}.jpg",
        f"/images/{NOWHERE}",
        f"/pictures/{NOWHERE}",
        f"/api/images/{NOWHERE}/similar",
    ):
        assert page.client.get(path).status_code == 404, path


def test_collection_and_metrics(page: Served) -> None:
    assert page.client.get("/api/collection").json() == {
        "name": "drawn",
        "encoder": "letters",
        "pictures": 7,
        "address": "/",
    }
    page.client.get("/api/search?q=red")
    text = page.client.get("/metrics").text
    assert 'gallery_requests_total{route="/api/search",status="200"}' in text
    assert 'gallery_stage_seconds_count{stage="encode"}' in text


def test_thumbnails_are_upright_small_kept_and_never_change(page: Served) -> None:
    id = page.id_of(HOSTILE)
    first = page.client.get(f"/thumbs/{id}.jpg")
    assert first.headers["content-type"] == "image/jpeg"
    assert "immutable" in first.headers["cache-control"]
    with Image.open(io.BytesIO(first.content)) as image:
        assert image.size == (480, 336)
    again = page.client.get(f"/thumbs/{id}.jpg", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_file_is_given_out_as_it_was_indexed(page: Served) -> None:
    answer = page.client.get(f"/images/{page.id_of(HOSTILE)}")
    assert answer.content == (page.photos / "cold" / HOSTILE).read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%3Cscript%3E")


def test_hostile_names_are_escaped(page: Served) -> None:
    for path in ("/", f"/pictures/{page.id_of(HOSTILE)}", "/?q=%3Cscript%3Ealert(1)%3C/script%3E"):
        html = page.client.get(path).text
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html
    assert "<b>" not in page.client.get(f"/pictures/{page.id_of('red.png')}").text


def test_the_page_forbids_what_it_does_not_need(page: Served) -> None:
    for path in ("/", "/nothing", "/api/search", "/static/page.css"):
        headers = page.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    html = page.client.get("/?q=red").text
    assert " style=" not in html
    assert " onclick" not in html


@pytest.mark.parametrize(
    "path",
    [
        "/images/../../etc/passwd",
        "/images/..%2f..%2fetc%2fpasswd",
        "/images/%2e%2e/%2e%2e/etc/passwd",
        "/static/../api.py",
        "/static/..%2fapi.py",
        "/static/%2e%2e%2fapi.py",
        "/static/....//api.py",
        "/thumbs/..%2f..%2fdata.jpg",
        "/picture/..%2f..%2fx.jpg",
        "/images//etc/passwd",
        "/images/%00",
        "/api/images/..%5c..%5cwindows/similar",
    ],
)
def test_no_address_leads_out(page: Served, path: str) -> None:
    with httpx.Client(base_url=page.address) as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())  # httpx would tidy the dots away
        answer = client.send(request)
    assert answer.status_code in (400, 404, 422)
    assert b"root:" not in answer.content
    assert b"create_app" not in answer.content


def test_a_file_that_became_another_one_is_not_given_out(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        secret = tmp_path / "secret.png"
        secret.write_bytes(png("white"))
        red, gold, blue = (page.id_of(f"{name}.png") for name in ("red", "gold", "blue"))
        linked = page.photos / "warm" / "red.png"
        same = linked.read_bytes()
        linked.unlink()
        linked.symlink_to(secret)
        (page.photos / "warm" / "gold.png").write_bytes(png("white"))
        outside = tmp_path / "outside"
        (page.photos / "cold").rename(outside)
        (outside / "blue.png").write_bytes(secret.read_bytes())
        (page.photos / "cold").symlink_to(outside)
        for id in (red, gold, blue):
            assert page.client.get(f"/images/{id}").status_code == 404
            assert page.client.get(f"/thumbs/{id}.jpg").status_code == 404
        linked.unlink()
        (tmp_path / "same.png").write_bytes(same)
        linked.symlink_to(tmp_path / "same.png")
        assert page.client.get(f"/images/{red}").status_code == 200, "the digest says that these are the bytes"


def test_texts_of_all_kinds_are_texts(page: Served) -> None:
    for text in (
        "r" * 10_000,
        "red\0",
        "/etc/passwd",
        "http://127.0.0.1/x.jpg",
        "'; drop",
        "рыба 🐟",
        "%",
        "../..",
        "\ud83d",
    ):
        answer = page.client.get("/api/search?q=" + "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "replace")))
        assert answer.status_code == 200, text
    answer = page.client.get("/api/search?q=" + "red+" * 9).json()
    assert (answer["tokens"], answer["text_limit"], len(answer["notes"])) == (9, 5, 1)
    assert "The text has 9 tokens, and the encoder reads 5" in page.client.get("/?q=" + "red+" * 9).text
    assert page.client.get("/api/search?q=" + "a" * 20_001).status_code == 422
    assert page.client.get("/ready").status_code == 200


def bomb(side: int) -> bytes:
    """Return a PNG of a few bytes that says it has side² pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def test_hostile_uploads_are_refused_and_the_model_lives_on(page: Served) -> None:
    assert send(page, bomb(60_000)).status_code == 413
    assert names(send(page, bomb(100))), "a picture of which most is missing"
    assert send(page, b"").status_code == 415
    assert send(page, b"GIF89a nonsense").status_code == 415
    assert send(page, b"<svg/>", "x.svg").status_code == 415
    assert send(page, b"x" * 20_000_001).status_code == 413
    assert page.client.post("/api/search/image", data={"file": "/etc/passwd"}).status_code == 422
    assert page.client.post("/picture", files={"file": ("x", b"nonsense")}).status_code == 415
    assert names(send(page, png(size=(1, 1))))
    assert page.client.get("/ready").status_code == 200


def test_a_body_that_hides_its_length_is_cut_off(page: Served) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(30):
            yield b"x" * 1_000_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    try:
        status = page.client.post("/api/search/image", content=endless(), headers=headers).status_code
    except httpx.TransportError:  # it may hang up before all is sent
        status = 413
    assert status == 413
    assert page.client.get("/ready").status_code == 200


def test_a_picture_that_was_sent_has_an_address(page: Served) -> None:
    answer = page.client.post("/picture", files={"file": ("x.png", png("gold"))})
    assert answer.status_code == 303
    address = answer.headers["location"]
    for _ in range(2):
        html = page.client.get(address).text
        assert html.index("gold.png") < html.index("red.png")
    assert page.client.get(f"/?picture={'0' * 64}").status_code == 400


def test_an_address_of_the_page_may_have_empty_and_odd_values(page: Served) -> None:
    assert page.client.get("/?q=red&folder=&year=&width=&sort=&page=&like=").status_code == 200
    for odd in (
        "year=x",
        "year=0",
        "page=9999999",
        "width=-1",
        "widht=3",
        "sort=best",
        "like=x",
        "q=" + "a" * 20_001,
        "page=" + "9" * 5000,
        "&".join(["folder=x"] * 101),
        "&".join(["open=00000000-0000-4000-8000-000000000000"] * 101),
    ):
        answer = page.client.get(f"/?{odd}")
        assert answer.status_code == 400, odd
        assert answer.headers["content-type"].startswith("text/html")


def test_the_token_is_asked_for(page: Served) -> None:
    with served_again(page.settings, page.photos, Limits(token="s3cret")) as other:
        for path in ("/health", "/ready"):
            assert other.client.get(path).status_code == 200, "for probes"
        for path in (
            "/",
            "/api/search",
            "/metrics",
            f"/thumbs/{NOWHERE}.jpg",
            "/nothing",
        ):
            refused = other.client.get(path)
            assert refused.status_code == 401, path
            assert "www-authenticate" in refused.headers
        page_of_words = other.client.get("/", headers={"Accept": "text/html"})
        assert page_of_words.status_code == 401
        assert "<h1>A token is needed</h1>" in page_of_words.text
        assert other.client.get("/static/page.css").status_code == 200
        assert other.client.get("/api/search", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert other.client.get("/api/search", headers={"Authorization": "Basic !"}).status_code == 401
        assert other.client.get("/api/search", headers={"Authorization": "Bearer s3cret"}).status_code == 200
        assert other.client.get("/", auth=("anybody", "s3cret")).status_code == 200


def test_other_names_of_this_machine_are_refused(page: Served) -> None:
    with served_again(page.settings, page.photos, Limits(hosts=("127.0.0.1",))) as other:
        assert other.client.get("/api/search").status_code == 200
        assert other.client.get("/api/search", headers={"Host": "evil.example"}).status_code == 400


class SlowEncoder(LetterEncoder):
    """Is slow, and records how many texts came at once."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def encode_texts(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        self.batches.append(len(texts))
        time.sleep(0.2)
        return super().encode_texts(texts)


def test_many_at_once_are_batched_and_too_many_turned_away(page: Served) -> None:
    slow = SlowEncoder()
    limits = Limits(concurrent=8)
    with served_again(page.settings, page.photos, limits, slow) as other, ThreadPoolExecutor(24) as pool:

        def ask(number: int) -> int:
            return httpx.get(f"{other.address}/api/search?q={'ab'[number % 2]}", timeout=20).status_code

        eight = list(pool.map(ask, range(8)))
        assert eight == [200] * 8
        assert max(slow.batches) >= 4
        many = [pool.submit(ask, number) for number in range(24)]
        assert httpx.get(f"{other.address}/health", timeout=1).status_code == 200, "the loop is never blocked"
        statuses = [each.result() for each in many]
        assert set(statuses) == {200, 429}
        assert ask(0) == 200


def test_a_newly_published_collection_is_taken_up(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        assert page.client.get("/api/collection").json()["pictures"] == 7
        Image.new("RGB", (10, 10), "white").save(page.photos / "new.png")
        index(page.settings, page.photos, LetterEncoder())
        until(lambda: page.client.get("/api/collection").json()["pictures"] == 8)


def test_the_document_describes_every_route(page: Served) -> None:
    document = page.client.get("/api/openapi.json").json()
    assert {
        "/api/search",
        "/api/search/image",
        "/api/images/{id}/similar",
        "/api/facets",
        "/api/collection",
        "/thumbs/{id}.jpg",
        "/images/{id}",
        "/health",
        "/ready",
        "/metrics",
    } <= set(document["paths"])
    assert "a red car" in json.dumps(document)
    assert document["security"] == [{"token": []}, {}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert [server["url"] for server in document["servers"]] == ["/", "/c/{collection}"]
    assert [server["url"] for server in document["paths"]["/ready"]["get"]["servers"]] == ["/"]
    assert document["paths"]["/ready"]["get"]["security"] == []
    assert page.client.get("/docs").status_code == 404


def test_drawing_twice_gives_the_same_pictures(page: Served, tmp_path: Path) -> None:
    draw(tmp_path)
    assert (tmp_path / "cold" / HOSTILE).read_bytes() == (page.photos / "cold" / HOSTILE).read_bytes()
