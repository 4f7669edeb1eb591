"""Extract: HTTP to amoCRM, rate limit, retries, authorisation, pagination. Only this package sends requests there.

`client` sends requests, `rate_limiter` spaces them, `responses` decides what a status means, `authorisation` holds
the tokens. `pages`, `pagination` and `read_planner` decide without any network what to request next;
`window_reader` puts them together and reads a window completely.
"""
