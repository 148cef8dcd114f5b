//! What once broke a rule holds every rule now: each case in `sim/regressions`, as a campaign wrote it and made it smaller.
//! To add one, mend the cause, then move the file there from the campaign's `--out`.

use std::path::Path;

use driftless_sim::record::Failure;
use driftless_sim::{Options, run};

#[test]
fn what_once_broke_a_rule_holds_every_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let failure: Failure = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let record = run(&failure.case, Options::default());
        assert_eq!(record.violations, [], "{}: it broke {} once", file.display(), failure.violation.check);
        // A case that does nothing could not break anything.
        assert!(record.totals.events > 100, "{}: nothing happened", file.display());
        cases += 1;
    }
    assert!(cases >= 5, "only {cases} cases were found");
}
