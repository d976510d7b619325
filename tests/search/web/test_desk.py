"""When the page says that nothing matches well."""

from pathlib import Path

import pytest
from served import served, served_again

NOTE = "Nothing matches well."


@pytest.mark.parametrize(("least", "said"), [(0.2, False), (1.5, True), (None, False)])
def test_the_note_is_of_single_texts_alone(tmp_path: Path, least: float | None, said: bool) -> None:
    with served(tmp_path) as first, served_again(first.settings, first.photos, least_score=least) as page:
        for query in ("red", "3*red", "red width>1", "year:never"):  # the last one is taken as text
            answer = page.client.get("/", params={"q": query})
            assert answer.status_code == 200
            assert (NOTE in answer.text) is said, query
        id = page.id_of("gold.png")
        for address in ("/", "/?q=red+%2B+gold", "/?q=red+-gold", f"/?q=like:{id}", f"/?like={id}", "/?q=red&page=2"):
            answer = page.client.get(address)
            assert answer.status_code == 200
            assert NOTE not in answer.text, address
