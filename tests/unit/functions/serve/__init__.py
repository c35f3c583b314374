"""Tests of `functions.serve`."""
