"""Personal data: what of a record is dropped, and what is hashed, before a byte of it is written.

Pure: settings and a key go in, a function over the bytes of a record comes out. `rules` is what a source asks for,
`fields` which custom fields that means, `hashing` how values are hashed, `record_filter` goes through a record.
"""

from __future__ import annotations

from amocrm_assets.privacy.fields import FieldRules
from amocrm_assets.privacy.record_filter import RecordFilter
from amocrm_assets.privacy.rules import PrivacyRules, fingerprint, rules_of

__all__ = ["FieldRules", "PrivacyRules", "RecordFilter", "fingerprint", "rules_of"]
