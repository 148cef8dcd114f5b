//! The fewest edits between two values.
