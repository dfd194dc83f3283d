//! Bytes that claim to be entries.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::reading(data));
