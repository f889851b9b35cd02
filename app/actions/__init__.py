"""CHANGE: load, ask the rules, add rows. Nothing here commits; the caller's unit of work does."""
