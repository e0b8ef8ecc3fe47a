"""What is known of the keys of one section is what the schema of the whole study says of them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from shoal.study import Study
from shoal.study._sentences import is_known


@pytest.mark.parametrize("name", list(Study.model_fields))
def test_a_section_is_known_by_itself_as_in_the_whole(name: str) -> None:
    kind = Study.model_fields[name].annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        own = {key: part for key, part in kind.model_json_schema().items() if key != "$defs"}
        assert own == Study.model_json_schema()["$defs"][kind.__name__]
    assert is_known((name,))
    assert not is_known((name, "no such key"))
