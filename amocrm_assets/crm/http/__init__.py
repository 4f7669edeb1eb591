"""One request to amoCRM: when it may leave, how long it may take, what its answer means, when it is sent again.

`client` puts the others together: `rate_limiter` gives permits (its margin is learnt in `arrival_times`,
`rate_limit_backoff` and `fair_share`), `exchange` sends over the connections of `api_session` and `transport`,
`responses` tells good answers from refusals, `retries` decides what follows from one that failed.
"""
