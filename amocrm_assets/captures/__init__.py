"""Captures: raw records of one account and one partition day, as amoCRM sent them, in append-only files.

`header` is the first line, `files` writes and reads, `finding` lists the captures of a day.
"""

from __future__ import annotations

from amocrm_assets.captures.files import (
    CaptureWriter,
    OpenCapture,
    PublishedCapture,
    open_capture,
    read_findings,
)
from amocrm_assets.captures.finding import (
    CaptureFound,
    all_captures,
    capture_names,
    captures_by_day,
    captures_of_day,
    captures_with_seconds_of,
    days_read_otherwise,
    days_with_capture,
    kept_name,
    newest_whole_capture,
    read_header,
    whole_captures,
)
from amocrm_assets.captures.header import (
    FORMAT,
    FORMAT_KEY,
    CapturedFinding,
    CapturedList,
    CapturedPrivacy,
    CaptureHeader,
    ReadingFinding,
    StandsFor,
    reading_finding,
)

__all__ = [
    "FORMAT",
    "FORMAT_KEY",
    "CaptureFound",
    "CaptureHeader",
    "CaptureWriter",
    "CapturedFinding",
    "CapturedList",
    "CapturedPrivacy",
    "OpenCapture",
    "PublishedCapture",
    "ReadingFinding",
    "StandsFor",
    "all_captures",
    "capture_names",
    "captures_by_day",
    "captures_of_day",
    "captures_with_seconds_of",
    "days_read_otherwise",
    "days_with_capture",
    "kept_name",
    "newest_whole_capture",
    "open_capture",
    "read_findings",
    "read_header",
    "reading_finding",
    "whole_captures",
]
