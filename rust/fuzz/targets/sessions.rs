//! A session in which one message is not what was sent.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::sessions(data));
