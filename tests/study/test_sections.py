"""What is known of the keys of one section is what the schema of the whole study says of them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from shoal.study import Study
from shoal.study._sentences import _schema_nodes, _section, is_known


@pytest.mark.parametrize("name", list(Study.model_fields))
def test_a_section_is_known_by_itself_as_in_the_whole(name: str) -> None:
    kind = Study.model_fields[name].annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        own = {key: part for key, part in kind.model_json_schema().items() if key != "$defs"}
        assert own == Study.model_json_schema()["$defs"][kind.__name__]
    assert is_known((name,))
    assert not is_known((name, "no such key"))


@pytest.mark.parametrize("name", [name for name in Study.model_fields if _section(name) is not None])
def test_a_key_is_known_at_once_where_the_schema_has_it(name: str) -> None:
    section = _section(name)
    assert section is not None
    for key in (*section.model_fields, "rum"):
        assert is_known((name, key)) == any(True for _ in _schema_nodes((name, key))), key
