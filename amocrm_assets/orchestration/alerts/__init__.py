"""Alerts: whoever `AMOCRM_ALERTS` names is told of what went wrong, once, and when it is well again.

`problem` is what is told, `collect` finds problems in Dagster's instance, `ledger` decides what is due and
remembers what was told, `send` speaks to Apprise, `sensor` puts them together. A run never waits for any of it.
"""
