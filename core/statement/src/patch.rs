//! JSON Patch and Merge Patch as edits.
