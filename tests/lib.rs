//! End-to-end tests and the house rules live in `tests/`; there is nothing to link.
