//! Every recorded call goes as it expects, through the whole product.

use crate::support::play;
use fixtures::call::Fixture;

#[test]
fn every_recorded_call_goes_as_it_expects() {
    for name in Fixture::names() {
        let (performance, _folder) = play(&name);
        assert!(performance.mismatches.is_empty(), "{name}: {:?}", performance.mismatches);
        assert!(performance.report.problems.is_empty(), "{name}: {:?}", performance.report.problems);
    }
}
