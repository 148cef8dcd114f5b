//! The target `schema` under libFuzzer: see the function of that name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| driftless_fuzz::schema(data));
