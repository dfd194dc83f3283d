//! CPU and wall time of key generation and signing in the core alone, all parties in one thread.
//!
//! usage: cargo run --release --example core_bench -- [n t]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{House, SCHEMES, honest, run, signature};

fn main() {
    let arguments: Vec<u8> = std::env::args().skip(1).map(|argument| argument.parse().unwrap()).collect();
    let (n, t) = if let [n, t] = arguments[..] { (n, t) } else { (3, 2) };
    for scheme in SCHEMES {
        let house = House::new(n);
        let started = Instant::now();
        let keys = house.key(scheme, t);
        let keygen = started.elapsed();
        let participants: Vec<u8> = (1..=t).collect();
        let mut times: Vec<_> = (0..100)
            .map(|id| {
                let started = Instant::now();
                let outcomes = run(house.sign(&keys, id, &participants, &[id; 32], &[]), honest);
                signature(&outcomes[&1]);
                started.elapsed()
            })
            .collect();
        times.sort();
        println!("{} {t}-of-{n}: keygen {keygen:.1?}, signature median {:.2?}", scheme.name(), times[times.len() / 2]);
    }
}
