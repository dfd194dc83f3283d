//! The allocator: blocks of powers of two from one reserved region, of which pages are locked as they are needed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering, compiler_fence};
use std::sync::{Mutex, PoisonError};

use crate::protect;

/// Reserved addresses; memory is used only as far as it is needed.
const REGION: usize = 64 << 20;
/// By so much the used part grows at once.
const STEP: usize = 256 << 10;
const SMALLEST: usize = 16;
const PAGE: usize = 4096;
/// Blocks of 16 bytes up to 8 MiB.
const CLASSES: usize = 20;

thread_local! {
    static SECRET: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread allocates among the locked pages.
pub fn enter() {
    SECRET.with(|secret| secret.set(true));
}

/// How much memory holds secrets: in locked pages, in pages that could not be locked, and outside for want of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub locked: usize,
    pub unlocked: usize,
    pub outside: usize,
}

/// What the process holds now; `outside` counts everything that ever had to go there.
pub fn held() -> Held {
    let arena = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
    Held { locked: arena.locked, unlocked: arena.unlocked, outside: OUTSIDE.load(Ordering::Relaxed) }
}

static BASE: AtomicUsize = AtomicUsize::new(0);
static OUTSIDE: AtomicUsize = AtomicUsize::new(0);
static ARENA: Mutex<Arena> = Mutex::new(Arena { used: 0, ready: 0, locked: 0, unlocked: 0, free: [0; CLASSES] });

struct Arena {
    /// Bytes of the region that were handed out once, and bytes that may be.
    used: usize,
    ready: usize,
    locked: usize,
    unlocked: usize,
    /// Addresses of the first free block of each class; each free block holds the address of the next.
    free: [usize; CLASSES],
}

/// The class of a layout and the bytes of its blocks; None for what is too large.
fn class(layout: Layout) -> Option<(usize, usize)> {
    let size = layout.size().max(layout.align()).max(SMALLEST).checked_next_power_of_two()?;
    let class = (size.trailing_zeros() - SMALLEST.trailing_zeros()) as usize;
    (class < CLASSES && layout.align() <= PAGE).then_some((class, size))
}

impl Arena {
    fn take(&mut self, layout: Layout) -> Option<usize> {
        let (class, size) = class(layout)?;
        let first = self.free.get_mut(class)?;
        if *first != 0 {
            let block = *first;
            // SAFETY: a free block of this arena, at least 16 bytes and aligned; its first word is the next one's address.
            *first = unsafe { (block as *const usize).read() };
            // SAFETY: the same block; nothing else of it was written since it was wiped.
            unsafe { (block as *mut usize).write(0) };
            return Some(block);
        }
        let start = self.used.checked_next_multiple_of(size.min(PAGE))?;
        let end = start.checked_add(size).filter(|end| *end <= REGION)?;
        let base = reserve()?;
        while self.ready < end {
            self.grow(base)?;
        }
        self.used = end;
        Some(base + start)
    }

    fn grow(&mut self, base: usize) -> Option<()> {
        let address = (base + self.ready) as *mut libc::c_void;
        // SAFETY: a part of the region that reserve() mapped and nobody uses yet.
        if unsafe { libc::mprotect(address, STEP, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return None;
        }
        if protect(address, STEP) {
            self.locked += STEP
        } else {
            self.unlocked += STEP
        }
        self.ready += STEP;
        Some(())
    }

    fn give(&mut self, address: usize, layout: Layout) {
        let Some((class, size)) = class(layout) else { return };
        let Some(first) = self.free.get_mut(class) else { return };
        // SAFETY: a block of this class that its owner gives back; the fence keeps the wiping from being optimised away.
        unsafe {
            (address as *mut u8).write_bytes(0, size);
            compiler_fence(Ordering::SeqCst);
            (address as *mut usize).write(*first);
        }
        *first = address;
    }
}

/// The region's address, mapped on first use without any memory behind it.
fn reserve() -> Option<usize> {
    let base = BASE.load(Ordering::Acquire);
    if base != 0 {
        return Some(base);
    }
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh mapping. Called under the arena's lock only, so it is made once.
    let made = unsafe { libc::mmap(null_mut(), REGION, libc::PROT_NONE, flags, -1, 0) };
    if made == libc::MAP_FAILED {
        return None;
    }
    BASE.store(made as usize, Ordering::Release);
    Some(made as usize)
}

fn contains(pointer: *mut u8) -> bool {
    let base = BASE.load(Ordering::Acquire);
    base != 0 && (pointer as usize).wrapping_sub(base) < REGION
}

/// The process's allocator: locked pages for the thread that works with secrets, the system's for all others.
///
/// When the region is full the system's memory is taken, and counted: a signer that stops would help nobody.
pub struct Allocator;

// SAFETY: blocks of the arena are disjoint, as large and as aligned as their class, and go back to the class that
// they came from, which follows from the layout alone; everything else is handed to the system's allocator.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if SECRET.with(Cell::get) {
            if let Some(block) = ARENA.lock().unwrap_or_else(PoisonError::into_inner).take(layout) {
                return block as *mut u8;
            }
            OUTSIDE.fetch_add(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if contains(pointer) {
            return ARENA.lock().unwrap_or_else(PoisonError::into_inner).give(pointer as usize, layout);
        }
        // SAFETY: not from the arena, so from the system.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !contains(pointer) && !SECRET.with(Cell::get) {
            // SAFETY: from the system, and it stays there.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return null_mut() };
        let kept = contains(pointer) && class(layout).is_some() && class(layout) == class(wanted);
        if kept {
            return pointer;
        }
        // What lives in the arena stays there, whichever thread lets it grow.
        let before = SECRET.with(|secret| secret.replace(true));
        // SAFETY: two blocks of which each is at least as long as what is copied; the old one is given back once.
        let moved = unsafe {
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            moved
        };
        SECRET.with(|secret| secret.set(before));
        moved
    }
}
