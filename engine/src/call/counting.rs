//! For tests: what a counter counts while something runs.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

struct One {
    name: &'static str,
    count: Arc<AtomicU64>,
}

impl Recorder for One {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() == self.name { Counter::from_arc(Arc::clone(&self.count)) } else { Counter::noop() }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// How much the counter `name` grew on this thread while `work` ran.
pub(crate) fn counted(name: &'static str, work: impl FnOnce()) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    metrics::with_local_recorder(&One { name, count: Arc::clone(&count) }, work);
    count.load(Ordering::Relaxed)
}
