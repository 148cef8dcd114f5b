//! Follows the view and proves of each sealed value that comes into effect whether it opens here, so that an operator
//! learns it before a service does. One trial after the other, beside the driver and never in its way.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use driftless_core::beacon::Health;
use driftless_core::machine::Machine;
use driftless_core::view::{Revision, Since};
use driftless_statement::{Path, PublicKey, StatementId};
use tokio::sync::watch;
use tracing::{debug, error, warn};

use super::Keeper;
use super::census::{Census, Opens, Tally};
use crate::door::Door;
use crate::metrics::Metrics;

/// Entries whose times are asked for in one question to the driver, which works for nobody else meanwhile.
const ASKED: usize = 64;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// What follows the view.
pub struct Follower {
    keeper: Arc<Keeper>,
    /// This node's key, by which groups name it.
    node: PublicKey,
    door: Door,
    metrics: Arc<Metrics>,
    census: Census,
    /// The view looked at last.
    seen: Option<Revision>,
    /// What was counted then.
    tally: Tally,
    /// What was sealed before this node ran says nothing about how fast secrets travel. Unix milliseconds.
    start_ms: u64,
}

impl Follower {
    /// A follower that has seen nothing.
    pub fn new(keeper: Arc<Keeper>, node: PublicKey, door: Door, metrics: Arc<Metrics>) -> Self {
        let (census, tally) = (Census::default(), Tally::default());
        metrics.sealed(tally.words());
        Self { keeper, node, door, metrics, census, seen: None, tally, start_ms: now_ms() }
    }

    /// Follows until shutdown.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let mut changed = self.door.changed.clone();
        loop {
            let more = tokio::select! {
                _ = shutdown.wait_for(|end| *end) => false,
                more = changed.changed() => more.is_ok(),
            };
            if !more {
                return;
            }
            self.look().await;
        }
    }

    /// Looks at what changed since the last look. Views that came and went in between are not looked at.
    async fn look(&mut self) {
        let view = self.door.view();
        let since = self.seen.map_or(Since::Behind, |seen| view.since(&seen));
        self.seen = Some(view.revision());
        let paths = match since {
            Since::Changed(paths) => {
                let concerning: Vec<Path> =
                    paths.into_iter().filter(|path| self.census.concerns(path, &view)).collect();
                if concerning.is_empty() {
                    return;
                }
                Some(concerning)
            }
            Since::Behind => None,
        };
        let (mut census, keeper, node) = (std::mem::take(&mut self.census), self.keeper.clone(), self.node);
        // Opening agrees on a key with each recipient in turn, up to some milliseconds: not on a thread that others need.
        let looked = tokio::task::spawn_blocking(move || {
            let open = census.look(&view, paths, |sealed| keeper.judge(sealed), now_ms);
            let tally = census.tally(&view, |group| keeper.has_lost(group, &node));
            (census, open, tally)
        });
        match looked.await {
            Ok((census, open, tally)) => {
                self.census = census;
                self.tell(tally).await;
                self.measure(open).await;
            }
            Err(failed) => {
                error!(%failed, "looking at sealed values failed; all are looked at again");
                self.seen = None;
                // And none is measured twice.
                self.start_ms = now_ms();
            }
        }
    }

    /// Tells metrics, and through the driver the other nodes.
    async fn tell(&mut self, tally: Tally) {
        self.metrics.sealed(tally.words());
        let before = std::mem::replace(&mut self.tally, tally);
        if (before.unopenable > 0) == (tally.unopenable > 0) {
            return;
        }
        let health = if tally.unopenable > 0 { Health::UNOPENABLE } else { Health::default() };
        if tally.unopenable > 0 {
            warn!(
                entries = tally.unopenable,
                "values are sealed to this node that it cannot open: GET /v1/secrets/PATH says why"
            );
        }
        if let Err(closed) = self.door.ails(health).await {
            debug!(%closed, "nobody is told how this node is");
        }
    }

    /// Measures how long each secret took from its author to being openable here.
    async fn measure(&self, open: Vec<Opens>) {
        for some in open.chunks(ASKED) {
            let heads: Vec<_> = some.iter().map(|open| open.heads.clone()).collect();
            let asked =
                move |machine: &Machine| heads.iter().map(|heads| signed_ms(machine, heads)).collect::<Vec<_>>();
            match self.door.read(asked).await {
                Ok(times) => self.count(some, &times),
                Err(closed) => debug!(%closed, "some secrets are not measured"),
            }
        }
    }

    fn count(&self, open: &[Opens], times: &[Option<u64>]) {
        for (open, signed_ms) in open.iter().zip(times) {
            if let Some(signed_ms) = signed_ms.filter(|signed_ms| *signed_ms >= self.start_ms) {
                self.metrics.secret_propagated(open.at_ms.saturating_sub(signed_ms));
            }
        }
    }
}

/// When the value of an entry was signed, Unix milliseconds: whole values are put, so the latest head won.
fn signed_ms(machine: &Machine, heads: &[StatementId]) -> Option<u64> {
    let signed = |id| machine.statement(id).map(|told| told.statement.statement().hlc.millis());
    heads.iter().filter_map(signed).max()
}
