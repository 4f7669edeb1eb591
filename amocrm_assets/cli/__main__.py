"""`python -m amocrm_assets.cli`: the same as the `amocrm-assets` script."""

from __future__ import annotations

from amocrm_assets.cli import main

if __name__ == "__main__":
    main()
