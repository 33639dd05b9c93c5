//! Many worlds at once: seeds are handed to as many threads as there are processors.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does the work for every seed, in no particular order, and hands each result to `collect`. Where that says stop, no
/// further seed is begun.
pub fn for_each_seed<T: Send>(
    seeds: Range<u64>,
    work: impl Fn(u64) -> T + Sync,
    mut collect: impl FnMut(u64, T) -> Go,
) {
    let next = AtomicU64::new(seeds.start);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (results, collected) = mpsc::sync_channel(64);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (next, work, results) = (&next, &work, results.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || results.send((seed, work(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        for (seed, result) in collected {
            if collect(seed, result) == Go::Stop {
                next.store(seeds.end, Ordering::Relaxed);
            }
        }
    });
}

/// Whether further seeds are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Yes.
    On,
    /// No.
    Stop,
}
