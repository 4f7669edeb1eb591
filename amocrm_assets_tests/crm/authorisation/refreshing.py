"""A process that refreshes the tokens of `acme` again and again, for the tests that race and kill it.

It is started with an address, a token store and a number of rounds, and prints each access token it was given.
"""

from __future__ import annotations

import sys

from amocrm_assets.crm.authorisation import open_authorisation
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.crm.authorisation.sources import source


def main(url: str, tokens: str, rounds: int) -> None:
    """Use the token, have it refused, use the newer one."""
    authorisation = open_authorisation(source(url), Deployment(tokens=tokens))
    for _ in range(rounds):
        sys.stdout.write(authorisation.renew(authorisation.token()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
