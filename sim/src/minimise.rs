//! Makes a failing case smaller: what can be left out with the same rule still broken is left out, faults first, then
//! writes, then hostile acts and strikes, then what honest keys do about trust, then whole nodes (delta debugging, Zeller and Hildebrandt 2002).

use crate::plan::Case;
use crate::record::{Failure, Violation};
use crate::world::{Options, World};

/// A smaller case that breaks the same rule, within so many runs.
pub fn minimise(case: &Case, violation: &Violation, options: Options, mut runs: usize) -> Failure {
    let before = case.plan.size();
    let mut best = (case.clone(), violation.clone());
    let mut fails = |case: &Case| -> Option<Violation> {
        if runs == 0 {
            return None;
        }
        runs -= 1;
        let record = World::new(case, Options { stop_at_first: true, ..options }).run();
        record.violations.into_iter().find(|found| found.check == violation.check)
    };
    keep(&mut best, shorter(case, violation), &mut fails);
    let faults = smaller(&best.0.plan.faults.clone(), &mut |faults| {
        let mut case = best.0.clone();
        case.plan.faults = faults;
        keep(&mut best, case, &mut fails)
    });
    best.0.plan.faults = faults;
    let writes = smaller(&best.0.plan.writes.clone(), &mut |writes| {
        let mut case = best.0.clone();
        case.plan.writes = writes;
        keep(&mut best, case, &mut fails)
    });
    best.0.plan.writes = writes;
    let acts = smaller(&best.0.plan.hostile.acts.clone(), &mut |acts| {
        let mut case = best.0.clone();
        case.plan.hostile.acts = acts;
        keep(&mut best, case, &mut fails)
    });
    best.0.plan.hostile.acts = acts;
    let strikes = smaller(&best.0.plan.hostile.strikes.clone(), &mut |strikes| {
        let mut case = best.0.clone();
        case.plan.hostile.strikes = strikes;
        keep(&mut best, case, &mut fails)
    });
    best.0.plan.hostile.strikes = strikes;
    let trust = smaller(&best.0.plan.trust.clone(), &mut |trust| {
        let mut case = best.0.clone();
        case.plan.trust = trust;
        keep(&mut best, case, &mut fails)
    });
    best.0.plan.trust = trust;
    for node in (0..best.0.scenario.nodes).rev() {
        let mut case = best.0.clone();
        case.plan.absent.push(node);
        case.plan.writes.retain(|write| write.node != node);
        keep(&mut best, case, &mut fails);
    }
    Failure { version: crate::version(), violation: best.1, case: best.0, before }
}

/// Takes a case for the best one, if it fails too.
fn keep(best: &mut (Case, Violation), case: Case, fails: &mut impl FnMut(&Case) -> Option<Violation>) -> bool {
    match fails(&case) {
        Some(violation) => {
            *best = (case, violation);
            true
        }
        None => false,
    }
}

/// The case without what comes after the rule was broken.
fn shorter(case: &Case, violation: &Violation) -> Case {
    let mut case = case.clone();
    let end_ms = violation.at_ms.saturating_sub(crate::world::FOUNDING_MS);
    let whole = case.scenario.minutes * 60_000;
    if end_ms < whole {
        case.scenario.minutes = end_ms / 60_000 + 1;
        let end_ms = case.scenario.minutes * 60_000;
        case.plan.faults.retain(|fault| fault.at_ms < end_ms);
        case.plan.faults.iter_mut().for_each(|fault| fault.for_ms = fault.for_ms.min(end_ms - fault.at_ms));
        case.plan.writes.retain(|write| write.at_ms < end_ms);
        case.plan.hostile.acts.retain(|act| act.at_ms < end_ms);
        case.plan.hostile.strikes.retain(|strike| strike.at_ms < end_ms);
        case.plan.trust.retain(|act| act.at_ms < end_ms);
    }
    case
}

/// The list with parts left out, halves first, then ever smaller ones, as long as `still` says yes.
fn smaller<T: Clone>(list: &[T], still: &mut impl FnMut(Vec<T>) -> bool) -> Vec<T> {
    let mut list = list.to_vec();
    let mut part = list.len().div_ceil(2);
    while part > 0 && !list.is_empty() {
        let mut at = 0;
        let mut shrunk = false;
        while at < list.len() {
            let mut rest = list.clone();
            rest.drain(at..(at + part).min(list.len()));
            if still(rest.clone()) {
                list = rest;
                shrunk = true;
            } else {
                at += part;
            }
        }
        if part == 1 && !shrunk {
            break;
        }
        part = if shrunk { part.min(list.len().div_ceil(2)).max(1) } else { part / 2 };
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_goes() {
        let list: Vec<u32> = (0..100).collect();
        let mut asked = 0;
        let left = smaller(&list, &mut |part| {
            asked += 1;
            part.contains(&17) && part.contains(&63)
        });
        assert_eq!(left, [17, 63]);
        assert!(asked < 200, "{asked} questions");
    }

    #[test]
    fn one_thing_is_found_and_nothing_may_be_left_of_nothing() {
        assert_eq!(smaller(&[1, 2, 3], &mut |part| part.contains(&2)), [2]);
        assert_eq!(smaller(&[1, 2, 3], &mut |_| true), Vec::<i32>::new());
        assert_eq!(smaller(&[1, 2, 3], &mut |_| false), [1, 2, 3]);
    }
}
