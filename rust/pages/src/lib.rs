//! Where the core's secrets live: pages that are locked (never swapped), left out of core dumps, and wiped
//! when they are freed; and the one thread, its stack among these pages, that works with them.
//!
//! [`run`] executes work on that thread. Whatever is allocated there comes from these pages, whichever library
//! allocates it; everything else in the process keeps the system's allocator. This is the one crate of the core
//! with `unsafe` code: it is what an allocator and a stack are made of.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod arena;
mod worker;

pub use arena::{Allocator, Held, held};
pub use worker::run;

/// Pages of `length` bytes at `address`: locked and left out of dumps; whether locking succeeded.
fn protect(address: *mut libc::c_void, length: usize) -> bool {
    // SAFETY: the caller owns this mapping; neither call touches its contents.
    unsafe {
        libc::madvise(address, length, libc::MADV_DONTDUMP);
        libc::mlock(address, length) == 0
    }
}
