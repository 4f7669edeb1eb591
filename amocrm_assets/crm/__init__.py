"""Extract: everything that asks amoCRM, from a single request to the proof that a list was read completely.

`http` sends one request at the right moment and says what its answer means. `authorisation` holds the tokens that
it sends. `pagination` decides which requests make a list complete, and reads it. Above them: `account` and
`permissions` say whose data that is, `connecting` and `consent` ask a person for an authorisation, `probe` asks an
account how it behaves.
"""
