//! Bytes that claim to be protocol messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::frames(data));
