"""The sandbox as a server: addresses, tokens, the limit, faults, and a log of requests."""
