"""Fixtures for every test."""

pytest_plugins = ["tests.access_fixtures"]
