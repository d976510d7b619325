"""What other sites, slow clients, unknown names and strangers get."""

import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from letter_encoder import LetterEncoder
from letters_folder import make_letters
from PIL import Image
from served import Served, served, served_again

from gallery.errors import BadInput
from search.web import serve
from search.web.api import create_app
from search.web.limits import Limits
from search.web.serve import PatientProtocol, listen

HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def png(colour: str = "red") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(target, "PNG")
    return target.getvalue()


def test_unknown_names_and_keys_are_refused_with_the_one_that_was_meant(page: Served) -> None:
    for query, status, meant in (
        ("ofset=3", 422, "did you mean offset?"),
        ("folders=x", 422, "did you mean folder?"),
        ("collection=x", 422, "there is no parameter collection"),
        ("limit=201", 422, "limit"),
        ("sort=best", 422, "'score' or 'date'"),
        ("q=tag:beach", 400, "there is no filter tag"),
        ("q=dog+year:20x1", 400, "column 10"),
        ("year=20x1", 400, "a year such as 2021"),
        ("q=folder:~/x", 400, "a whole path"),
        ("q=like:/etc/passwd", 400, "the id of a picture"),
    ):
        answer = page.client.get(f"/api/search?{query}")
        assert answer.status_code == status, query
        assert answer.headers["content-type"] == "application/problem+json"
        assert meant in answer.json()["detail"], query
        assert answer.json()["status"] == status
    assert page.client.get("/api/search?q=dog+year:20x1").json()["column"] == 10
    for query in ("ofset=3", "q=tag:beach"):
        answer = page.client.get(f"/?{query}")
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("text/html")


def test_other_sites_can_neither_send_nor_look(page: Served) -> None:
    id = page.id_of("red.png")
    host = page.address.removeprefix("http://")
    foreign = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"})
    for headers in (*foreign, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://[::1"}):
        for path in ("/picture", "/api/search/image", "/api/pictures"):
            assert page.client.post(path, files={"file": ("x.png", png())}, headers=headers).status_code == 403, headers
        assert page.client.delete(f"/api/pictures/{id}", headers=headers).status_code == 403
    own = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert page.client.post("/picture", files={"file": ("x.png", png())}, headers=own).status_code == 303
    for headers in foreign:
        for path in (f"/thumbs/{id}.jpg", f"/views/{id}.jpg", f"/images/{id}", "/api/search?q=red", "/"):
            assert page.client.get(path, headers=headers).status_code == 403, path
        assert page.client.get("/?q=red", headers=headers | {"Sec-Fetch-Mode": "navigate"}).status_code == 200, "a link"
    for path in (f"/thumbs/{id}.jpg", f"/images/{id}", "/"):
        assert page.client.get(path).headers["cross-origin-resource-policy"] == "same-origin"


def test_thumbnails_are_shared_where_a_dashboard_shows_them(page: Served) -> None:
    with served_again(page.settings, page.photos, Limits(shares_thumbnails=True)) as shared:
        id = page.id_of("red.png")
        answer = shared.client.get(f"/thumbs/{id}.jpg", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert shared.client.get(f"/views/{id}.jpg", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_head_is_get_without_a_body(page: Served) -> None:
    id = page.id_of("red.png")
    for path in (
        "/",
        "/health",
        "/ready",
        "/api/search?q=red",
        f"/thumbs/{id}.jpg",
        f"/images/{id}",
        "/static/page.js",
    ):
        answer = page.client.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path
        assert int(answer.headers["content-length"]) > 0
    assert page.client.head(f"/nothing/{id}").status_code == 404


def test_an_answer_is_not_sent_again_until_something_changed(page: Served) -> None:
    first = page.client.get("/api/search?q=red")
    tag = {"If-None-Match": first.headers["etag"]}
    assert page.client.get("/api/search?q=red", headers=tag).status_code == 304
    assert page.client.get("/api/search?q=gold", headers=tag).status_code == 200


def test_bodies_that_do_not_come_cost_nobody_else_anything(page: Served) -> None:
    limits = Limits(concurrent=2, body_seconds=0.5, waiting_bytes=3_000)
    with served_again(page.settings, page.photos, limits) as other:
        host, port = other.address.removeprefix("http://").split(":")
        slow = [socket.create_connection((host, int(port))) for _ in range(5)]
        for each in slow:
            head = f"POST /picture HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 1000\r\n\r\nx"
            each.sendall(head.encode())
        time.sleep(0.1)
        assert other.client.get("/api/search?q=red").status_code == 200
        said = [each.recv(1000).split(b" ")[1] for each in slow]
        for each in slow:
            each.close()
        assert sorted(said) == [b"408"] * 3 + [b"429"] * 2
        assert other.client.post("/picture", files={"file": ("x.png", png())}).status_code == 303


def test_heads_that_do_not_come_are_waited_for_only_so_long(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "SECONDS_FOR_HEAD", 0.3)
    app = create_app(page.collections, page.settings)
    with listen("127.0.0.1", 0) as taken:
        config = uvicorn.Config(app, http=PatientProtocol, log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        address = taken.getsockname()
        with socket.create_connection(address) as silent, socket.create_connection(address) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            for each in (silent, slow):
                each.settimeout(5)
                assert each.recv(1) == b"", "closed"
        with httpx.Client(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            for _ in range(3):
                assert client.get("/health").status_code == 200
                time.sleep(0.4)
        server.should_exit = True
        thread.join(5)


def test_two_pages_on_one_port_get_a_sentence() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(BadInput, match="give another --port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_several_pictures_come_as_one_zip_file(page: Served) -> None:
    ids = [page.id_of(name) for name in ("red.png", "gold.png")]
    answer = page.client.get("/images.zip", params={"id": [*ids, "00000000-0000-4000-8000-000000000000"]})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["gold.png", "red.png"]
        assert archive.read("red.png") == (page.photos / "warm" / "red.png").read_bytes()
    assert page.client.get("/images.zip?id=00000000-0000-4000-8000-000000000000").status_code == 404
    assert page.client.get("/images.zip").status_code == 422


def test_every_collection_has_its_addresses(page: Served) -> None:
    assert page.client.get("/api/collections").json() == ["drawn"]
    own, named = (page.client.get(f"{prefix}/api/search?q=red").json() for prefix in ("", "/c/drawn"))
    assert {**own, "seconds": {}} == {**named, "seconds": {}}
    html = page.client.get("/c/drawn/?q=red").text
    id = page.id_of("red.png")
    assert f'/c/drawn/pictures/{id}?q=red&amp;at=1"' in html
    assert page.client.get(f"/c/drawn/pictures/{id}?q=red&at=1").status_code == 200
    for path in ("/c/other/", "/c/other/api/search", f"/c/other/thumbs/{id}.jpg", "/c/..%2f..%2fetc/api/search"):
        assert page.client.get(path).status_code == 404, path


def test_a_line_is_completed_by_what_the_collection_holds(page: Served) -> None:
    def lines(text: str) -> list[str]:
        return list(page.client.get("/api/suggestions", params={"q": text}).json())

    assert lines("dog folder:co") == ["dog folder:cold"]
    assert lines("dog -format:") == ["dog -format:png", "dog -format:jpeg"]
    assert lines("orient") == ["orientation:"]
    assert lines("a red") == ["a red thing <b>"]
    assert lines('folder:"wa') == ["folder:warm"]
    assert lines("") == lines("zzz") == []


def test_pictures_are_added_and_removed_only_where_that_was_allowed(page: Served, tmp_path: Path) -> None:
    assert page.client.post("/api/pictures", files={"file": ("x.png", png())}).status_code == 403
    assert page.client.delete(f"/api/pictures/{page.id_of('red.png')}").status_code == 403
    assert page.client.get("/api/search?limit=50").json()["total"] == 7
    with pytest.raises(BadInput, match="needs SEARCH_TOKEN"):
        create_app(page.collections, page.settings, changes=tmp_path)


def test_a_picture_that_is_added_goes_the_way_of_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path) as first:
        settings = replace(first.settings, search_token="s3cret")
        make_letters(settings)
        monkeypatch.setenv("DATA_DIR", str(settings.data_dir))  # for the command that is run
        limits, token = Limits(token="s3cret"), {"Authorization": "Bearer s3cret"}
        with served_again(settings, first.photos, limits, changes=tmp_path / "added") as page:

            def add(name: str, data: bytes) -> httpx.Response:
                return page.client.post("/api/pictures", files={"file": (name, data)}, headers=token, timeout=60)

            assert page.client.post("/api/pictures", files={"file": ("x.png", png())}).status_code == 401
            answer = add("../../new one.png", png("white"))
            assert answer.status_code == 201, answer.text
            (hit,) = page.client.get("/api/search?path=*one.png", headers=token).json()["hits"]
            assert (hit["id"], Path(hit["path"]).parent) == (answer.json()["id"], tmp_path / "added" / "drawn")
            assert page.client.delete(f"/api/pictures/{hit['id']}", headers=token, timeout=60).status_code == 204
            assert page.client.get("/api/search?path=*one.png", headers=token).json()["hits"] == []
            assert Path(hit["path"]).exists()
            assert add("notes.txt", b"no picture").status_code == 400
            assert len(list((tmp_path / "added" / "drawn").iterdir())) == 1


def test_the_document_has_examples_and_problems(page: Served) -> None:
    document = page.client.get("/api/openapi.json").json()
    search = document["paths"]["/api/search"]["get"]
    assert {"q", "folder", "orientation", "limit", "group"} <= {each["name"] for each in search["parameters"]}
    assert "application/problem+json" in search["responses"]["400"]["content"]
    assert {"/api/pictures", "/api/pictures/{id}", "/api/collections", "/api/version"} <= set(document["paths"])
    assert "a red car -night" in json.dumps(search)
    assert LetterEncoder().spec.encoder == page.client.get("/api/collection").json()["encoder"]
