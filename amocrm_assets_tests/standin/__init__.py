"""A second stand-in of amoCRM: small, of the standard library, and sharing nothing with the package's sandbox.

The sandbox shares the package's beliefs about amoCRM. This one is written from the public description of the API,
and has a switch for each behaviour that nobody documents (`Semantics`). By hand:
`python -m amocrm_assets_tests.standin --port 8912 --switch leads_filter=no`.
"""

from amocrm_assets_tests.standin.account import Editor, StandInAccount, contact, event, lead, many_leads
from amocrm_assets_tests.standin.events import many_events
from amocrm_assets_tests.standin.follow_ups import note, task
from amocrm_assets_tests.standin.reference import ReferenceLists
from amocrm_assets_tests.standin.semantics import Semantics
from amocrm_assets_tests.standin.server import StandIn, running_standin

__all__ = [
    "Editor",
    "ReferenceLists",
    "Semantics",
    "StandIn",
    "StandInAccount",
    "contact",
    "event",
    "lead",
    "many_events",
    "many_leads",
    "note",
    "running_standin",
    "task",
]
