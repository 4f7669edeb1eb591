"""Tests of `crm.permissions`, and of the filter step of `checking`, on answers that the sandbox never gives."""

from __future__ import annotations

import pytest

from amocrm_assets.checking import filters_honoured
from amocrm_assets.crm.client import AmoCrmClient
from amocrm_assets.crm.permissions import LeadPermissions, read_lead_permissions
from amocrm_assets.errors import UnexpectedAnswer
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.crm.answering import answering

LEADS = (200, b'{"_embedded":{"leads":[]}}')


def client_of(url: str) -> AmoCrmClient:
    return AmoCrmClient(url, FixedToken("t"), requests_per_second=50)


@pytest.mark.parametrize("status", [403, 404])
def test_a_user_whom_amocrm_does_not_show_leaves_the_rights_unknown(status: int) -> None:
    with answering({"/api/v4/leads": LEADS, "/api/v4/users/7": (status, b"{}")}) as url, client_of(url) as client:
        assert read_lead_permissions(client, 7) == LeadPermissions(None, None)


def test_any_other_refusal_of_the_user_stays_an_error() -> None:
    answers = {"/api/v4/leads": LEADS, "/api/v4/users/7": (418, b"{}")}
    with answering(answers) as url, client_of(url) as client, pytest.raises(UnexpectedAnswer):
        read_lead_permissions(client, 7)


def test_an_empty_list_that_comes_with_200_honours_filters() -> None:
    with answering({"/api/v4/leads": LEADS}) as url, client_of(url) as client:
        assert filters_honoured(client)
