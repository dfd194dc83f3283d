//! The one thread that works with secrets. Its stack is locked, left out of dumps and guarded at its end.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::{arena, protect};

/// Fifteen times what the deepest call of the core was seen to need.
const STACK: usize = 512 << 10;
const GUARD: usize = 4096;

/// Work on its way to the thread; `step` grows with every job that is handed over and every one that is done.
struct Desk {
    job: Option<Job>,
    done: bool,
    process: u32,
}

struct Job {
    call: unsafe fn(*mut c_void),
    data: *mut c_void,
}

// SAFETY: `data` points to the stack of a thread that waits until the job is done; see run().
unsafe impl Send for Job {}

static DESK: Mutex<Desk> = Mutex::new(Desk { job: None, done: false, process: 0 });
static HANDED: Condvar = Condvar::new();
static DONE: Condvar = Condvar::new();
/// Whose turn it is: one caller at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Do the work on the thread of secrets; None when it panics, or when there can be no such thread.
pub fn run<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut slot = Slot { work: Some(work), result: None };
    let mut desk = DESK.lock().unwrap_or_else(PoisonError::into_inner);
    if desk.process != std::process::id() {
        start()?; // the first work of this process: a thread does not outlive a fork
        desk.process = std::process::id();
    }
    desk.done = false;
    desk.job = Some(Job { call: call_of(&slot), data: (&raw mut slot).cast() });
    HANDED.notify_one();
    while !desk.done {
        desk = DONE.wait(desk).unwrap_or_else(PoisonError::into_inner);
    }
    drop(desk);
    slot.result
}

struct Slot<F, T> {
    work: Option<F>,
    result: Option<T>,
}

fn call_of<F: FnOnce() -> T, T>(_: &Slot<F, T>) -> unsafe fn(*mut c_void) {
    call::<F, T>
}

/// # Safety
/// `data` is a Slot<F, T> that nobody else touches until this returns.
unsafe fn call<F: FnOnce() -> T, T>(data: *mut c_void) {
    // SAFETY: the contract above.
    let slot = unsafe { &mut *data.cast::<Slot<F, T>>() };
    if let Some(work) = slot.work.take() {
        slot.result = catch_unwind(AssertUnwindSafe(work)).ok();
    }
}

extern "C" fn live(_: *mut c_void) -> *mut c_void {
    arena::enter();
    let mut desk = DESK.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(job) = desk.job.take() {
            drop(desk);
            // SAFETY: run() waits for `done`, and its slot lives until then.
            unsafe { (job.call)(job.data) };
            desk = DESK.lock().unwrap_or_else(PoisonError::into_inner);
            desk.done = true;
            DONE.notify_one();
        } else {
            desk = HANDED.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Start the thread, deaf to signals, on a stack of its own pages.
fn start() -> Option<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
    // SAFETY: a fresh mapping of which the lowest page may not be touched; the thread never ends, nor does its stack.
    // The attribute and both masks are plain values that these calls initialise before they are read.
    unsafe {
        let base = libc::mmap(null_mut(), STACK + GUARD, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if base == libc::MAP_FAILED || libc::mprotect(base, GUARD, libc::PROT_NONE) != 0 {
            return None;
        }
        let stack = base.byte_add(GUARD);
        protect(stack, STACK);
        let mut attribute: libc::pthread_attr_t = std::mem::zeroed();
        let mut thread: libc::pthread_t = std::mem::zeroed();
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let started = libc::pthread_attr_init(&raw mut attribute) == 0
            && libc::pthread_attr_setstack(&raw mut attribute, stack, STACK) == 0
            && libc::pthread_create(&raw mut thread, &raw const attribute, live, null_mut()) == 0;
        libc::pthread_attr_destroy(&raw mut attribute);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, null_mut());
        started.then_some(())
    }
}
