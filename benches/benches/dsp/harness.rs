//! Times pieces of work that last nanoseconds to milliseconds, so that a busy machine is unfair to none of them.
//!
//! Every row of a table is timed once per round, in batches of about [`BATCH`], and the rounds go over all rows
//! again and again, forwards and backwards in turn: what disturbs the machine disturbs all rows alike. A ratio is the
//! median over the rounds of two rows' times in the same round, which is steadier than the ratio of two medians. The
//! clock is the thread's own, which stands still while others have the processor.

#![allow(unsafe_code, reason = "the thread's clock is read with a function of the C library")]

use std::time::{Duration, Instant};

/// How long one batch of one row takes: long beside reading the clock (about 200 ns), short beside a time slice.
const BATCH: Duration = Duration::from_micros(100);

/// Rounds of a table whose rows are quick.
const ROUNDS: usize = 200;

/// Rounds of a table whose rows are slow: enough for a tenth percentile.
const ROUNDS_MIN: usize = 15;

/// A table takes no longer than this, or [`ROUNDS_MIN`] rounds.
const TABLE: Duration = Duration::from_secs(2);

/// One contestant: something to be done over and over.
pub(crate) struct Row {
    name: String,
    /// Does the work that many times. The loop is inside so that a call through a pointer is paid once a batch.
    repeat: Box<dyn FnMut(u32)>,
    repeats_min: u32,
}

impl Row {
    /// A row that does `work` over and over.
    pub(crate) fn new(name: impl Into<String>, mut work: impl FnMut() + 'static) -> Self {
        let repeat = Box::new(move |times| {
            for _ in 0..times {
                work();
            }
        });
        Self { name: name.into(), repeat, repeats_min: 1 }
    }

    /// A batch holds at least that many repeats: for work that is dear once in a while and cheap in between.
    pub(crate) fn repeats_at_least(mut self, repeats: u32) -> Self {
        self.repeats_min = repeats;
        self
    }

    /// How often the work is to be done so that it takes about [`BATCH`].
    fn calibrate(&mut self) -> u32 {
        let mut repeats = self.repeats_min;
        loop {
            let taken = self.time(repeats);
            if taken >= BATCH / 2 {
                let exact = f64::from(repeats) * BATCH.as_secs_f64() / taken.as_secs_f64();
                return (exact as u32).max(self.repeats_min);
            }
            repeats = repeats.saturating_mul(2);
        }
    }

    fn time(&mut self, repeats: u32) -> Duration {
        let start = processor_time();
        (self.repeat)(repeats);
        processor_time().saturating_sub(start)
    }
}

/// How long this thread has had a processor.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the function writes one `timespec`, and `time` is one.
    let error = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(error, 0, "every Linux has the clock of a thread");
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// How long one repeat of one row took.
#[derive(Debug, Clone)]
pub(crate) struct Timed {
    /// The row's name.
    pub(crate) name: String,
    /// Nanoseconds per repeat, one figure per round; the same index is the same round in every row of the table.
    pub(crate) rounds_ns: Vec<f64>,
}

impl Timed {
    /// The median, in ns.
    pub(crate) fn median_ns(&self) -> f64 {
        percentile(self.rounds_ns.clone(), 50)
    }

    /// The tenth and the ninetieth percentile, in ns.
    pub(crate) fn spread_ns(&self) -> (f64, f64) {
        (percentile(self.rounds_ns.clone(), 10), percentile(self.rounds_ns.clone(), 90))
    }

    /// How many times as long as `other` it took: the median over the rounds.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        let ratios = self.rounds_ns.iter().zip(&other.rounds_ns).map(|(this, other)| this / other);
        percentile(ratios.collect(), 50)
    }
}

/// The value below which that many per cent of `values` lie; NaN of none.
fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last * percent + 50) / 100).copied().unwrap_or(f64::NAN)
}

/// Times all rows of a table.
pub(crate) fn time(mut rows: Vec<Row>) -> Vec<Timed> {
    let repeats: Vec<u32> = rows.iter_mut().map(Row::calibrate).collect();
    let mut times: Vec<Timed> = rows
        .iter()
        .map(|row| Timed { name: row.name.clone(), rounds_ns: Vec::with_capacity(ROUNDS) })
        .collect();
    let start = Instant::now();
    for round in 0..ROUNDS {
        if round >= ROUNDS_MIN && start.elapsed() > TABLE {
            break;
        }
        for place in 0..rows.len() {
            let index = if round % 2 == 0 { place } else { rows.len() - 1 - place };
            let (row, repeats) = (&mut rows[index], repeats[index]);
            // The row before has left the caches and the branch predictor to itself.
            (row.repeat)(repeats / 8);
            let taken = row.time(repeats);
            times[index].rounds_ns.push(taken.as_nanos() as f64 / f64::from(repeats));
        }
    }
    times
}
