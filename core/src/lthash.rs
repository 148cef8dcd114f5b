//! lthash
