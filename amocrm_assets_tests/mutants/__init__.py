"""Mutation testing: `make mutants MODULE=crm/http/retries` changes a module spot by spot and runs its tests.

A change that no test notices is a promise that nobody watches. Cosmic Ray makes the changes and keeps the
outcomes; here is which tests are near a module, which changes mean nothing, and what is printed.
"""
