"""Personal data: which parts of a record are dropped or hashed before anything is written.

Pure: from settings and a key to a function over the bytes of a record. `rules` has the source's rules, `fields`
the custom fields they apply to, `hashing` hashes values, `record_filter` applies the rules to a record.
"""

from __future__ import annotations

from amocrm_assets.privacy.fields import FieldRules
from amocrm_assets.privacy.record_filter import RecordFilter
from amocrm_assets.privacy.rules import PrivacyRules, fingerprint, rules_of

__all__ = ["FieldRules", "PrivacyRules", "RecordFilter", "fingerprint", "rules_of"]
