"""What a context provides is what its template uses: nothing missing, nothing left over."""

from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints

import pytest
from jinja2 import meta, nodes

from app.web.contexts import ComparePage, LeaderboardPage, LeaguesPage, ProblemPage
from app.web.rendering import TEMPLATES, templates

PAGES = (LeaguesPage, LeaderboardPage, ComparePage, ProblemPage)


def tree(template: str) -> nodes.Template:
    return templates.parse((TEMPLATES / template).read_text())


def parts_of(context: type) -> set[type]:
    """The dataclasses that stand inside a context, at any depth."""
    found: set[type] = set()
    for hint in get_type_hints(context).values():
        for part in (hint, *get_args(hint)):
            if is_dataclass(part):
                found |= {part, *parts_of(part)}
    return found


@pytest.mark.parametrize("page", PAGES)
def test_the_names_provided_are_the_names_used(page):
    assert {field.name for field in fields(page)} == meta.find_undeclared_variables(tree(page.template))


@pytest.mark.parametrize("page", PAGES)
def test_the_fields_of_the_parts_are_the_attributes_used(page):
    used = {node.attr for node in tree(page.template).find_all(nodes.Getattr)}
    assert used == {field.name for part in parts_of(page) for field in fields(part)}


def test_every_template_has_a_context():
    assert {path.name for path in TEMPLATES.iterdir()} == {page.template for page in PAGES} | {"layout.html"}


def test_the_layout_needs_nothing_from_a_context():
    assert meta.find_undeclared_variables(tree("layout.html")) == set()


@pytest.mark.parametrize("page", PAGES)
def test_nothing_switches_escaping_off(page):
    names = {node.name for node in tree(page.template).find_all(nodes.Filter)}
    assert "safe" not in names
    assert not list(tree(page.template).find_all(nodes.ScopedEvalContextModifier))
