"""Asking amoCRM: the only place that speaks HTTP to it.

`client` sends, `pacing` spaces, `answers` judges, `authorisation` says who asks. `pages`, `walks` and `plan`
decide without any network what to ask next; `reading` puts them together and reads a window completely.
"""
