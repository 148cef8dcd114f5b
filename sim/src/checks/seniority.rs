//! Nobody strikes equals or seniors: what is void because a revocation struck it relies on a grant to the revoked key whose
//! rank is greater than the revocation's. Ranks are counted from what was signed, not by trust.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::machine::{Effect, Event, Fate, Machine};
use driftless_core::trust::Refusal;
use driftless_core::view::{Since, View};
use driftless_statement::StatementId;

use super::history::{made, may_strike, rank};
use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Seniority {
    nodes: PerNode<Here>,
    turn: usize,
    struck: u64,
    in_vain: u64,
    hostile: bool,
}

#[derive(Default)]
struct Here {
    before: Option<Arc<View>>,
    /// The batch that its disk has, and what is in it.
    sent: Option<(u64, Vec<StatementId>)>,
    /// What came on its disk with the event that is followed now.
    now: Vec<StatementId>,
}

impl Check for Seniority {
    fn name(&self) -> &'static str {
        "nobody-strikes-equals"
    }

    fn source(&self) -> &'static str {
        "threats P11; design §4 (nobody strikes upwards or sideways)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.hostile = scene.scenario.hostile.is_on();
        match seen {
            Seen::Effect(Effect::Wrote { outcome: Ok(receipt), .. }) => match (&receipt.fate, receipt.id) {
                (Some(fate), Some(id)) => by_the_rules(scene, &id, fate),
                _ => Ok(()),
            },
            Seen::Effect(Effect::Show(view)) => self.shows(scene, view),
            Seen::Effect(Effect::Store { batch, statements, .. }) if self.hostile => {
                let ids = statements.iter().map(|statement| statement.id()).collect();
                self.nodes.of(scene.at).sent = Some((*batch, ids));
                Ok(())
            }
            Seen::Before(Event::Stored { batch }) => {
                let here = self.nodes.of(scene.at);
                here.now = here.sent.take_if(|(sent, _)| sent == batch).map(|(_, ids)| ids).unwrap_or_default();
                Ok(())
            }
            Seen::After => {
                let now = std::mem::take(&mut self.nodes.of(scene.at).now);
                let Some(machine) = &scene.node().machine else { return Ok(()) };
                now.iter().try_for_each(|id| judge(scene, machine, id))
            }
            Seen::Died => {
                self.nodes.forget(scene.at);
                Ok(())
            }
            Seen::Second if self.hostile => self.second(scene),
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        if !self.hostile {
            return BTreeMap::new();
        }
        BTreeMap::from([
            ("a revocation struck a junior", self.struck),
            ("a revocation of an equal or a senior struck nothing", self.in_vain),
        ])
    }
}

impl Seniority {
    fn shows(&mut self, scene: &Scene, view: &Arc<View>) -> Result<(), String> {
        let Some(before) = self.nodes.of(scene.at).before.replace(view.clone()) else { return Ok(()) };
        let (Since::Changed(paths), Some(machine)) = (view.since(&before.revision()), &scene.node().machine) else {
            return Ok(());
        };
        let heads = paths.iter().filter_map(|path| before.get(path)).flat_map(|entry| entry.heads.iter());
        heads.into_iter().try_for_each(|head| judge(scene, machine, head))
    }

    /// Each revocation that one node let in, a node a second.
    fn second(&mut self, scene: &Scene) -> Result<(), String> {
        self.turn += 1;
        let Some(machine) = &scene.nodes[self.turn % scene.nodes.len()].machine else { return Ok(()) };
        let mesh = machine.mesh().0;
        for told in machine.revocations() {
            let own = made(scene.facts, &told.revocation.id)
                .and_then(|made| rank(scene.facts, &made.statement().grant, &mesh));
            let senior = |grant: &&StatementId| rank(scene.facts, grant, &mesh).is_none_or(|rank| Some(rank) <= own);
            if let Some(grant) = told.strikes.iter().find(senior) {
                let (revocation, grant) = (told.revocation.id.short(), grant.short());
                return Err(format!("revocation {revocation} strikes grant {grant}, which is no junior's"));
            }
            self.struck += u64::from(!told.strikes.is_empty());
            self.in_vain += u64::from(told.strikes.is_empty() && told.revocation.is_authorised());
        }
        Ok(())
    }
}

fn judge(scene: &Scene, machine: &Machine, id: &StatementId) -> Result<(), String> {
    machine.statement(id).map_or(Ok(()), |told| by_the_rules(scene, id, &told.fate))
}

fn by_the_rules(scene: &Scene, id: &StatementId, fate: &Fate) -> Result<(), String> {
    let Fate::Void(Refusal::Struck { revocation, .. }) = fate else { return Ok(()) };
    match made(scene.facts, id) {
        Some(statement) if !may_strike(scene.facts, revocation, statement) => Err(format!(
            "{} is void by revocation {}, whose equal or senior it relies on",
            id.short(),
            revocation.short()
        )),
        _ => Ok(()),
    }
}
