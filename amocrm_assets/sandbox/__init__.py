"""A small amoCRM on your own machine: the fake of the tests, the account of the demo.

It behaves as the API's documentation and its users' reports say, faults included. It is independent: nothing
else of this project is imported, and other people's amoCRM clients work against it.
"""

from amocrm_assets.sandbox.http.server import running_sandbox, serve
from amocrm_assets.sandbox.http.tokens import long_lived_token
from amocrm_assets.sandbox.options import Fault, Population, SandboxOptions
from amocrm_assets.sandbox.world import Sandbox

__all__ = ["Fault", "Population", "Sandbox", "SandboxOptions", "long_lived_token", "running_sandbox", "serve"]
