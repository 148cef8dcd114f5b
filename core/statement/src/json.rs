//! JSON text to and from values.
