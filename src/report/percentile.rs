//! Percentiles by nearest rank: the smallest observed value that at least the given share of all values does
//! not exceed.

use serde::{Deserialize, Serialize};

/// The figures of a set of values, all of them observed ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many values there were.
    pub count: usize,
    /// Half of them are not above this.
    pub p50: f64,
    /// 95 % of them are not above this.
    pub p95: f64,
    /// 99 % of them are not above this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Distribution {
    /// The figures of `values`; `None` if there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Self {
            count: sorted.len(),
            p50: percentile(&sorted, 50)?,
            p95: percentile(&sorted, 95)?,
            p99: percentile(&sorted, 99)?,
            max: percentile(&sorted, 100)?,
        })
    }
}

/// The `percent`-th percentile (1 to 100; what is outside counts as the nearest) of ascending values by
/// nearest rank; `None` if there are none. The rank is worked out in whole numbers, so that no rounding
/// shifts it.
#[must_use]
pub fn percentile(sorted: &[f64], percent: u8) -> Option<f64> {
    let rank = (usize::from(percent.clamp(1, 100)) * sorted.len()).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}
