"""DECIDE: pure rules. Values in, values out; no clock, no database, no HTTP."""
