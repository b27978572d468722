from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.rest.component_form import read_modal
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.form import Form

if TYPE_CHECKING:
    from tests.botrunner.sandbox.rest_client import Rest

BUTTON = {"type": 2, "style": 1, "label": "Lock", "custom_id": "lock"}
SELECT = {"type": 5, "custom_id": "who"}
INPUT = {"type": 4, "custom_id": "name", "style": 1, "label": "Name"}
V2 = 1 << 15


def row(*components: Any) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}


def buttons(number: int, **changed: Any) -> list[dict[str, Any]]:
    return [BUTTON | {"custom_id": f"b{i}"} | changed for i in range(number)]


def codes(errors: dict[str, Any], place: str) -> list[str]:
    for step in place.split("."):
        errors = errors[step]
    return [error["code"] for error in errors["_errors"]]


@pytest.mark.parametrize(
    ("components", "place", "code"),
    [
        ([row(BUTTON)] * 6, "components", "BASE_TYPE_MAX_LENGTH"),
        ([BUTTON], "components.0.type", "UNION_TYPE_CHOICES"),
        (["row"], "components.0", "MODEL_TYPE_CONVERT"),
        ([row()], "components.0.components", "BASE_TYPE_BAD_LENGTH"),
        ([row(*buttons(6))], "components.0.components", "BASE_TYPE_MAX_LENGTH"),
        ([row(INPUT)], "components.0.components.0.type", "UNION_TYPE_CHOICES"),
        ([row(BUTTON, SELECT)], "components.0.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
        ([row(BUTTON, BUTTON)], "components", "COMPONENT_CUSTOM_ID_DUPLICATED"),
        ([row(BUTTON), row(BUTTON)], "components", "COMPONENT_CUSTOM_ID_DUPLICATED"),
        (
            [row(BUTTON | {"custom_id": "x" * 101})],
            "components.0.components.0.custom_id",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            [row({"type": 2, "style": 1, "label": "x"})],
            "components.0.components.0.custom_id",
            "BASE_TYPE_REQUIRED",
        ),
        (
            [row(BUTTON | {"label": "x" * 81})],
            "components.0.components.0.label",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            [row(BUTTON | {"label": None})],
            "components.0.components.0.label",
            "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED",
        ),
        ([row(BUTTON | {"style": 7})], "components.0.components.0.style", "BASE_TYPE_CHOICES"),
        (
            [row(BUTTON | {"style": 5, "url": "https://example.org"})],
            "components.0.components.0.custom_id",
            "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
        ),
        (
            [row(SELECT | {"max_values": 26})],
            "components.0.components.0.max_values",
            "NUMBER_TYPE_MAX",
        ),
        (
            [row(SELECT | {"type": 3})],
            "components.0.components.0.options",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            [row(SELECT | {"type": 3, "options": [{"label": "a", "value": "a"}] * 2})],
            "components.0.components.0.options",
            "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
        ),
    ],
)
async def test_wrong_components_are_refused_by_field(
    rest: Rest, rooms: list[int], components: list[Any], place: str, code: str
) -> None:
    body = {"content": "x", "components": components}

    status, answer = await rest("POST", f"/channels/{rooms[0]}/messages", body)

    assert (status, answer["code"]) == (400, 50035)
    assert code in codes(answer["errors"], place)


async def test_right_components_are_shown_with_an_id_each(rest: Rest, rooms: list[int]) -> None:
    components = [row(*buttons(5)), row(SELECT)]

    status, made = await rest("POST", f"/channels/{rooms[0]}/messages", {"components": components})

    assert status == 200
    ids = [each["id"] for top in made["components"] for each in (top, *top["components"])]
    assert len(set(ids)) == len(ids) == 8
    assert made["components"][1]["components"][0]["custom_id"] == "who"


async def test_the_newer_kind_of_message_takes_other_components_and_no_content(
    rest: Rest, rooms: list[int]
) -> None:
    path = f"/channels/{rooms[0]}/messages"
    section = {
        "type": 9,
        "components": [{"type": 10, "content": "Den"}],
        "accessory": BUTTON | {"custom_id": "rename"},
    }
    container = {"type": 17, "components": [section, {"type": 14}, row(BUTTON)]}
    status, made = await rest("POST", path, {"flags": V2, "components": [container]})
    _, refused = await rest("POST", path, {"flags": V2, "content": "x", "components": [container]})
    _, old = await rest("POST", path, {"components": [container]})

    assert (status, made["flags"]) == (200, V2)
    assert "content" in refused["errors"]
    assert codes(old["errors"], "components.0.type") == ["UNION_TYPE_CHOICES"]


MODAL = {"title": "Rename", "custom_id": "rename", "components": [row(INPUT)]}
LABEL = {"type": 18, "label": "Name", "component": {"type": 4, "custom_id": "name", "style": 2}}


@pytest.mark.parametrize(
    ("changed", "place", "code"),
    [
        ({"title": "x" * 46}, "title", "BASE_TYPE_BAD_LENGTH"),
        ({"title": None}, "title", "BASE_TYPE_REQUIRED"),
        ({"custom_id": "x" * 101}, "custom_id", "BASE_TYPE_BAD_LENGTH"),
        ({"components": []}, "components", "BASE_TYPE_BAD_LENGTH"),
        ({"components": [row(INPUT)] * 6}, "components", "BASE_TYPE_MAX_LENGTH"),
        ({"components": [row(INPUT, INPUT)]}, "components.0.components", "BASE_TYPE_MAX_LENGTH"),
        ({"components": [row(BUTTON)]}, "components.0.components.0.type", "UNION_TYPE_CHOICES"),
        ({"components": [row(INPUT), row(INPUT)]}, "components", "COMPONENT_CUSTOM_ID_DUPLICATED"),
        (
            {"components": [row(INPUT | {"label": "x" * 46})]},
            "components.0.components.0.label",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            {"components": [row(INPUT | {"max_length": 4_001})]},
            "components.0.components.0.max_length",
            "NUMBER_TYPE_MAX",
        ),
        ({"components": [LABEL | {"label": ""}]}, "components.0.label", "BASE_TYPE_BAD_LENGTH"),
        (
            {"components": [LABEL | {"component": BUTTON}]},
            "components.0.component.type",
            "UNION_TYPE_CHOICES",
        ),
    ],
)
def test_a_wrong_modal_is_refused_by_field(changed: dict[str, Any], place: str, code: str) -> None:
    form = Form(MODAL | changed)
    read_modal(form)

    with pytest.raises(ApiError) as refused:
        form.check()

    assert code in codes(refused.value.body["errors"], place)


@pytest.mark.parametrize("component", [row(INPUT), LABEL, LABEL | {"component": SELECT}])
def test_a_right_modal_is_read_with_an_id_for_each_component(component: dict[str, Any]) -> None:
    form = Form(MODAL | {"components": [component]})

    modal = read_modal(form)

    form.check()
    (top,) = modal["components"]
    inner = top["component"] if top["type"] == 18 else top["components"][0]
    assert (top["id"], inner["id"]) == (1, 2)
