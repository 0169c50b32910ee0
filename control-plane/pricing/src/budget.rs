//! Whether a budget is used up, and which alerts are due: each threshold once in a period.

use crate::Period;
use store::model::usage::Budget;

/// A threshold was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which, in percent of the limit.
    pub percent: u8,
}

/// The thresholds that are reached now and were not told yet in this period, the lowest first.
#[must_use]
pub fn due_alerts(budget: &Budget, period: Period, spent_micros: i64) -> Vec<Alert> {
    let told = match budget.alerted {
        Some((start, highest)) if start == period.start => Some(highest),
        Some(_) | None => None,
    };
    let mut percents: Vec<u8> = budget.alert_percents.clone();
    percents.sort_unstable();
    percents.dedup();
    percents
        .into_iter()
        .filter(|percent| {
            told.is_none_or(|told| *percent > told) && is_reached(budget, *percent, spent_micros)
        })
        .map(|percent| Alert { percent })
        .collect()
}

/// The budget with these alerts noted as told.
#[must_use]
pub fn told(budget: Budget, period: Period, alerts: &[Alert]) -> Budget {
    match alerts.iter().map(|alert| alert.percent).max() {
        Some(highest) => Budget { alerted: Some((period.start, highest)), ..budget },
        None => budget,
    }
}

/// Whether what was spent has come to the limit.
#[must_use]
pub fn is_used_up(budget: &Budget, spent_micros: i64) -> bool {
    spent_micros >= budget.limit_micros
}

/// How much of the limit was spent, in percent, rounded down.
#[must_use]
pub fn percent(budget: &Budget, spent_micros: i64) -> i64 {
    let percent = (i128::from(spent_micros) * 100).checked_div(i128::from(budget.limit_micros));
    // Of nothing everything is spent.
    percent.map_or(100, |percent| i64::try_from(percent).unwrap_or(i64::MAX))
}

fn is_reached(budget: &Budget, percent: u8, spent_micros: i64) -> bool {
    i128::from(spent_micros) * 100 >= i128::from(budget.limit_micros) * i128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use store::model::usage::BudgetPeriod;

    const MAY: Period = Period { start: 100, end: 200 };
    const JUNE: Period = Period { start: 200, end: 300 };

    fn budget(limit_micros: i64, alert_percents: &[u8]) -> Budget {
        Budget {
            name: "all".to_owned(),
            kind: None,
            period: BudgetPeriod::Month,
            limit_micros,
            currency: "USD".to_owned(),
            hard: false,
            alert_percents: alert_percents.to_vec(),
            alerted: None,
        }
    }

    fn percents(alerts: &[Alert]) -> Vec<u8> {
        alerts.iter().map(|alert| alert.percent).collect()
    }

    #[test]
    fn a_threshold_is_told_once_in_a_period_and_again_in_the_next() {
        let budget = budget(1_000, &[100, 50, 80]);
        assert_eq!(due_alerts(&budget, MAY, 499), []);
        let half = due_alerts(&budget, MAY, 500);
        assert_eq!(percents(&half), [50]);
        let budget = told(budget, MAY, &half);
        assert_eq!(due_alerts(&budget, MAY, 799), []);
        let rest = due_alerts(&budget, MAY, 5_000);
        assert_eq!(percents(&rest), [80, 100]);
        let budget = told(budget, MAY, &rest);
        assert_eq!(due_alerts(&budget, MAY, 9_000), []);
        assert_eq!(percents(&due_alerts(&budget, JUNE, 500)), [50]);
    }

    #[test]
    fn the_limit_itself_uses_a_budget_up() {
        let budget = budget(1_000, &[]);
        assert!(!is_used_up(&budget, 999) && is_used_up(&budget, 1_000));
        assert_eq!((percent(&budget, 999), percent(&budget, 1_000)), (99, 100));
        assert_eq!(percent(&Budget { limit_micros: 0, ..budget }, 0), 100);
    }

    proptest! {
        /// However the spending grows, every threshold that is reached in the end was told once.
        #[test]
        fn every_threshold_is_told_once(
            steps in vec(0_i64..400, 0..20), thresholds in vec(1_u8..=200, 0..6),
        ) {
            let (mut budget, mut spent, mut all) = (budget(1_000, &thresholds), 0, Vec::new());
            for step in steps {
                spent += step;
                let alerts = due_alerts(&budget, MAY, spent);
                all.extend(percents(&alerts));
                budget = told(budget, MAY, &alerts);
            }
            let mut expected: Vec<u8> = thresholds;
            expected.retain(|percent| spent * 100 >= 1_000 * i64::from(*percent));
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(all, expected);
        }
    }
}
