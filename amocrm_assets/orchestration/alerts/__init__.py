"""Alerts: messages to the addresses in `AMOCRM_ALERTS`, once for each problem, and again when it is resolved.

`problem` is the message, `collect` finds problems in Dagster's instance, with those of checks from `failed_checks`
and those of whole runs from `failed_runs`. `ledger` decides which messages to send and stores which were sent,
`send` uses Apprise, `sensor` combines them. Runs never wait for alerts.
"""
