"""Extract: all requests to amoCRM, from a single request to the verification that a list was read completely.

`http` sends one request within the rate limit and interprets its response. `authorisation` holds the tokens that
it sends. `pagination` decides which requests read a list completely, and reads it. On top of them, `account` and
`permissions` describe the account and what its user may see, `connecting` and `consent` obtain an authorisation,
and `probe` tests how an account behaves.
"""
