"""What the stand-in says of its account, of its user, and of its pipeline where it has no reference lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets_tests.standin import account as content

if TYPE_CHECKING:
    from amocrm_assets_tests.standin.account import Json, StandInAccount
    from amocrm_assets_tests.standin.pages import Params
    from amocrm_assets_tests.standin.reference import ReferenceLists
    from amocrm_assets_tests.standin.semantics import Semantics


USER: Json = {
    "id": content.USER_ID,
    "name": content.USER_NAME,
    "email": "marfa@example.org",
    "lang": "ru",
    "rights": {"leads": dict.fromkeys(("view", "edit", "add", "delete", "export"), "A"), "is_admin": True},
}
PIPELINE: Json = {
    "id": content.PIPELINE_ID,
    "name": "Щукинские заказы",
    "is_unsorted_on": True,
    "_embedded": {
        "statuses": [
            {
                "id": content.INCOMING_STATUS,
                "name": "Неразобранное",
                "type": 1,
                "pipeline_id": content.PIPELINE_ID,
            },
            {"id": content.STATUS, "name": "В работе", "type": 0, "pipeline_id": content.PIPELINE_ID},
            {"id": 142, "name": "Выиграно", "type": 0, "pipeline_id": content.PIPELINE_ID},
            {"id": 143, "name": "Проиграно", "type": 0, "pipeline_id": content.PIPELINE_ID},
        ]
    },
}


def about(
    account: StandInAccount, semantics: Semantics, params: Params, reference: ReferenceLists | None
) -> dict[str, Any]:
    """The answer to `/api/v4/account`."""
    asked = params.get("with", [""])[-1].split(",")
    answer: Json = {
        "id": content.ACCOUNT_ID,
        "name": content.ACCOUNT_NAME,
        "subdomain": account.subdomain,
        "current_user_id": content.USER_ID,
        "country": "RU",
        "currency": "RUB",
        "is_unsorted_on": True,
    }
    if "is_api_filter_enabled" in asked:
        answer["is_api_filter_enabled"] = semantics.leads_filter
    if "datetime_settings" in asked:
        answer["_embedded"] = {"datetime_settings": {"timezone": account.timezone}}
    if reference and "users_groups" in asked:
        answer["_embedded"] = answer.get("_embedded", {}) | reference.about()
    return answer
