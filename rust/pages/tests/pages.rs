//! The allocator under use from both sides of the border, and what the kernel says of its pages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::alloc::{Layout, alloc, dealloc};
use std::sync::Mutex;

use strongroom_pages::{Allocator, held, run};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// The kernel's flags of the mapping that holds an address (`VmFlags` of /proc/self/smaps).
fn flags(address: usize) -> Vec<String> {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut within = false;
    for line in smaps.lines() {
        if let Some((low, rest)) = line.split_once('-')
            && let (Ok(low), Some(high)) = (usize::from_str_radix(low, 16), rest.split(' ').next())
            && let Ok(high) = usize::from_str_radix(high, 16)
        {
            within = (low..high).contains(&address);
        } else if let Some(found) = line.strip_prefix("VmFlags:")
            && within
        {
            return found.split_whitespace().map(str::to_owned).collect();
        }
    }
    panic!("no mapping holds {address:x}");
}

fn protected(address: usize) -> bool {
    let flags = flags(address);
    ["lo", "dd"].iter().all(|wanted| flags.iter().any(|flag| flag == wanted))
}

#[test]
fn heap_and_stack_of_the_work_are_locked_and_not_dumped_and_nothing_else_is() {
    let (heap, stack) = run(|| {
        let (kept, local) = (Box::new([7u8; 64]), [7u8; 64]);
        (kept, std::hint::black_box(&local).as_ptr() as usize)
    })
    .unwrap();
    assert!(protected(heap.as_ptr() as usize) && protected(stack));
    let ours = Box::new([7u8; 64]);
    assert!(!protected(ours.as_ptr() as usize));
    assert_eq!(held().unlocked, 0);
}

#[test]
fn what_is_freed_is_wiped_and_used_again() {
    let (address, again, seen) = run(|| {
        let layout = Layout::from_size_align(3000, 8).unwrap();
        // SAFETY: two blocks of the layout, each given back once; the second was written as a whole when it was wiped.
        unsafe {
            let first = alloc(layout);
            first.write_bytes(0xab, layout.size());
            dealloc(first, layout);
            let second = alloc(layout);
            let left = std::slice::from_raw_parts(second, layout.size()).iter().filter(|byte| **byte != 0).count();
            dealloc(second, layout);
            (first as usize, second as usize, left)
        }
    })
    .unwrap();
    assert_eq!((again, seen), (address, 0));
}

#[test]
fn what_grows_elsewhere_stays_in_its_pages_and_keeps_its_contents() {
    let mut secret = run(|| vec![1u8, 2, 3]).unwrap();
    let mut public = vec![4u8; 3];
    for round in 0..200_000u32 {
        secret.push(round.to_le_bytes()[0]);
        public.push(round.to_le_bytes()[0]);
    }
    assert!(protected(secret.as_ptr() as usize) && !protected(public.as_ptr() as usize));
    assert_eq!(&secret[..4], &[1, 2, 3, 0]);
    assert_eq!(secret[3..], public[3..]);
    secret.shrink_to(0);
    assert!(protected(secret.as_ptr() as usize));
}

#[test]
fn blocks_of_every_size_and_alignment_are_disjoint() {
    let ranges = run(|| {
        let kept: Vec<Vec<u128>> = (0..400).map(|n| vec![n; 1 + (n as usize * 37) % 700]).collect();
        assert!(kept.iter().enumerate().all(|(n, values)| values.iter().all(|value| *value == n as u128)));
        kept.iter().map(|v| (v.as_ptr() as usize, v.capacity() * 16)).collect::<Vec<_>>()
    })
    .unwrap();
    let mut sorted = ranges;
    sorted.sort_unstable();
    assert!(sorted.iter().all(|(address, _)| address % 16 == 0));
    assert!(sorted.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
}

#[test]
fn what_does_not_fit_is_taken_from_the_system_and_told() {
    let before = held().outside;
    let large = run(|| vec![1u8; 16 << 20]).unwrap();
    assert!(held().outside >= before + large.len() && large.iter().all(|byte| *byte == 1));
}

#[test]
fn a_panic_ends_the_work_and_not_the_thread() {
    assert_eq!(run(|| -> u8 { panic!("a secret") }), None);
    assert_eq!(run(|| 7), Some(7));
}

#[test]
fn callers_take_turns() {
    let sum = Mutex::new(0u64);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..500).for_each(|n| *sum.lock().unwrap() += run(move || n).unwrap()));
        }
    });
    assert_eq!(*sum.lock().unwrap(), 8 * 499 * 500 / 2);
}
