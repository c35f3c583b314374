"""Averages of several histogram gradient boostings."""
