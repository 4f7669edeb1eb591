"""One request to amoCRM: when it may be sent, how long it may take, what its response means, when it is retried.

`client` combines the others: `rate_limiter` gives permits (its margin is learned in `arrival_times`,
`rate_limit_backoff` and `fair_share`), `exchange` sends over the connections of `api_session` and `transport`,
`responses` turns error responses into exceptions, and `retries` decides whether to try again.
"""
