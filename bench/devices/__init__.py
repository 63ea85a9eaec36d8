"""Devices under test, one a file."""
