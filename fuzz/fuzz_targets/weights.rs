//! Any bytes as a weight file: a network or a message, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| netetch_fuzz::example("weights.npz", bytes));
