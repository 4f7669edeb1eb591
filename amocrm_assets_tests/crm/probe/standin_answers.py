"""What a probe finds of each switch of the second stand-in."""

from __future__ import annotations

from typing import Any

from amocrm_assets_tests.crm.probe.probing import AS_DOCUMENTED

Switches = dict[str, Any]
# What is found in an account as documented.
DOCUMENTED: Switches = {
    **AS_DOCUMENTED,
    "contacts": None,
    "loss_reason": None,
    "ties_desc": "id asc",
    "depth": "at least 480",
    "fields_limit": "at least 60",
    "events_limit": 100,
    "incoming": None,
    "minor_units": False,
}
NOW_AND_THEN = tuple(range(2, 100, 3))
# Switches, and what is found otherwise than in `DOCUMENTED`. One of several answers may be "...": any.
FOUND: dict[str, tuple[Switches, Switches]] = {
    "from_exclusive": ({"from_exclusive": True}, {"from_inclusive": False}),
    "to_exclusive": ({"to_exclusive": True}, {"to_inclusive": False}),
    "both ends exclusive": (
        {"from_exclusive": True, "to_exclusive": True},
        {"from_inclusive": False, "to_inclusive": False},
    ),
    "leads_filter": (
        {"leads_filter": False},
        {
            "filters_leads": False,
            "from_inclusive": None,
            "to_inclusive": None,
            "id_order_beside_filter": None,
            "ties_desc": ...,
            "ties_asc": ...,
        },
    ),
    "trash_filters": ({"trash_filters": False}, {"filters_deleted": False}),
    "only_deleted ignored": (
        {"only_deleted": "ignored"},
        {"only_deleted": "ignored", "filters_deleted": None, "order_deleted": None, "deleted_without_time": None},
    ),
    "only_deleted 400": (
        {"only_deleted": "400"},
        {
            "only_deleted": "refused (400)",
            "filters_deleted": None,
            "order_deleted": None,
            "deleted_without_time": None,
        },
    ),
    "only_deleted 403": (
        {"only_deleted": "403"},
        {
            "only_deleted": "refused (403)",
            "filters_deleted": None,
            "order_deleted": None,
            "deleted_without_time": None,
        },
    ),
    "order ignored": (
        {"order": "ignored"},
        {
            "order_leads": "ignored",
            "id_order_beside_filter": False,
            "ids_fit": None,
            "depth": ...,
            "ties_asc": ...,
            "ties_desc": ...,
        },
    ),
    "order within pages": (
        {"order": "within pages"},
        {"order_leads": "within pages", "id_order_beside_filter": ..., "ties_asc": ..., "ties_desc": ...},
    ),
    "trash_order ignored": ({"trash_order": "ignored"}, {"order_deleted": "ignored"}),
    "trash_order within pages": ({"trash_order": "within pages"}, {"order_deleted": "within pages"}),
    "id_order_beside_filter": ({"id_order_beside_filter": False}, {"id_order_beside_filter": False}),
    "ties id desc": ({"ties": "id desc"}, {"ties_asc": "id desc", "ties_desc": "id desc"}),
    "ties shuffled": ({"ties": "shuffled"}, {"ties_asc": "not stable", "ties_desc": "not stable"}),
    "links without next": ({"links": "without next"}, {"links": "next is missing"}),
    "no next now and then": (
        {"links": "without next", "odd_links_on": NOW_AND_THEN},
        {"links": "next is missing"},
    ),
    "links next always": ({"links": "next always"}, {"links": "next behind the end"}),
    "depth_max": ({"depth_max": 5}, {"depth": 5}),
    "beyond_depth 400": ({"depth_max": 5, "beyond_depth": "400"}, {"depth": 5}),
    "beyond_depth no next": ({"depth_max": 5, "beyond_depth": "no next"}, {"depth": 5}),
    "past_end empty list": ({"past_end": "empty list"}, {"past_end": "empty list"}),
    "past_end 404": ({"past_end": "404"}, {"past_end": "404"}),
    "limit_max": ({"limit_max": 50}, {"page_size": 50, "depth": ...}),
    "limit_max of no usual size": (
        {"limit_max": 40},
        {"page_size": 40, "above_limit": 40, "depth": ..., "ties_asc": ..., "ties_desc": ...},
    ),
    "above_limit_max maximum": ({"above_limit_max": "maximum"}, {"above_limit": 250, "events_limit": 100}),
    "above_limit_max 400": ({"above_limit_max": "400"}, {"above_limit": "refused (400)", "events_limit": None}),
    "gateway_timeout_above": (
        {"gateway_timeout_above": 50},
        {"page_size": 50, "above_limit": None, "depth": ..., "failures": ...},
    ),
    "details 504": ({"details": "504"}, {"extras": [], "contacts": ..., "loss_reason": ..., "failures": ...}),
    "details 400": ({"details": "400"}, {"extras": ..., "contacts": ..., "loss_reason": ..., "failures": ...}),
    "fields_limit_max": ({"fields_limit_max": 50}, {"fields_limit": 50}),
    "events_limit_max": ({"events_limit_max": 250}, {"events_limit": 250}),
    "null_updated_at_in_leads": ({"null_updated_at_in_leads": 3}, {"leads_without_time": 3}),
    "null_updated_at_in_trash": ({"null_updated_at_in_trash": 2}, {"deleted_without_time": 2}),
    "huge_ids": ({"huge_ids": 3}, {"ids_fit": False}),
    "numbers_as_text": ({"numbers_as_text": True}, {"numbers_as_text": True}),
    "unknown_with": (
        {"unknown_with": ("contacts", "source_id")},
        {"extras": [name for name in DOCUMENTED["extras"] if name not in {"contacts", "source_id"}]},
    ),
    "no Date": ({"date_offset_seconds": None}, {"date_header": False}),
}
