//! How much is measured.

/// How much is measured; `NAME=VALUE` changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Tenants of the small store, and first calls after each start.
    pub few: usize,
    /// Tenants of the large store, of three numbers each.
    pub many: usize,
    /// How often each server has its turn; half as often with `tandem load`, which takes longer.
    pub rounds: usize,
    /// Webhooks a second.
    pub rate: u32,
    /// Calls of each `tandem load`.
    pub calls: usize,
}

impl Plan {
    pub fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut plan = Self { few: 100, many: 10_000, rounds: 8, rate: 60, calls: 100 };
        for argument in arguments {
            let known = argument.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?)));
            match known {
                Some(("few", value)) => plan.few = value,
                Some(("many", value)) => plan.many = value,
                Some(("rounds", value)) => plan.rounds = value,
                Some(("rate", value)) => plan.rate = u32::try_from(value).unwrap(),
                Some(("calls", value)) => plan.calls = value,
                _ => panic!("write few=N, many=N, rounds=N, rate=N or calls=N, not {argument}"),
            }
        }
        assert!(0 < plan.few && plan.few <= plan.many && plan.rounds > 0 && plan.rate > 0 && plan.calls > 0);
        plan
    }
}
