//! What the driver and the rooms tell the metrics. Each method sets or counts and returns; none asks anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use driftless_core::beacon::{NodeState, Picture};
use driftless_core::machine::{Cause, Counts, Machine, ScopeState, Standing, StatusTold, Verdict, WriteOutcome};

use super::Metrics;
use super::families::{
    Age, Delayed, Fate, Intake, Outcome, Queue, Reason, Refusal, Request, Route, Sealed, Total, Verdict as Judged,
};
use super::words;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Raises a counter to a total that somebody else keeps.
fn raise(counter: &Total, total: u64) {
    counter.inner().fetch_max(total, Ordering::Relaxed);
}

/// The request that services make most.
const READ: Request = Request { route: "/v1/config/{path}", method: "GET", status: "2xx" };

/// Counts a watch as open for as long as it lives.
pub struct Watching(Arc<Metrics>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.families.door.watchers.dec();
    }
}

impl Metrics {
    /// A statement by another author became effective: milliseconds from its author's time, unless it was caught up with,
    /// and from its arrival here.
    pub fn effective(&self, delay_ms: Option<u64>, apply_ms: u64) {
        let families = &self.families.statements;
        if let Some(delay_ms) = delay_ms {
            families.propagation.observe(delay_ms as f64 / 1000.0);
        }
        families.apply.observe(apply_ms as f64 / 1000.0);
    }

    /// A gossip message was judged.
    pub fn verdict(&self, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::Accept => "accept",
            Verdict::Ignore => "ignore",
            Verdict::Reject => "reject",
        };
        self.families.traffic.gossip_verdicts.get_or_create(&Judged { verdict }).inc();
    }

    /// An edit of a local service ended.
    pub fn wrote(&self, outcome: &WriteOutcome) {
        let (outcome, reason) = match outcome {
            Ok(receipt) if receipt.id.is_some() => ("stored", "none"),
            Ok(_) => ("unchanged", "none"),
            Err(refused) => ("refused", words::of_write_refused(refused)),
        };
        self.families.statements.edits.get_or_create(&Intake { outcome, reason }).inc();
    }

    /// How this node stands now.
    pub fn observe_standing(&self, standing: &Standing) {
        let families = &self.families.standing;
        families.isolated.set(standing.isolated.into());
        families.stale_peers.set(standing.stale_peers.into());
        families.peers_agreeing.set(standing.agreeing.into());
        families.ready.set(standing.ready.into());
        families.agreed.set(standing.agreed_ms.unwrap_or(0) as f64 / 1000.0);
        self.families.disk.read_only.set(standing.read_only.is_some().into());
    }

    /// So many peers and addresses are banned now.
    pub fn banned(&self, count: usize) {
        self.families.standing.bans.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// What this node holds now.
    pub fn observe_status(&self, status: &StatusTold) {
        let sum = |count: fn(&ScopeState) -> u64| signed(status.scopes.iter().map(count).sum());
        let families = &self.families.statements;
        families.statements.set(sum(|scope| scope.statements));
        families.entries.set(sum(|scope| scope.entries));
        families.conflicts.set(sum(|scope| scope.conflicts));
        families.waiting.set(signed(status.waiting));
        families.own_forks.set(signed(status.own_forks));
        families.epochs_forked.set(i64::from(status.epochs_forked));
        families.fold_version.set(signed(status.fold_version));
        self.pending(&status.pending_ms, now_ms());
        self.families.standing.peers_connected.set(signed(status.peers.len() as u64));
        self.fates(&status.scopes);
    }

    /// Statements that wait for approvals, by age, from their times.
    fn pending(&self, since_ms: &[u64], now_ms: u64) {
        const AGES: [(&str, u64); 4] =
            [("under_hour", 3_600_000), ("under_day", 86_400_000), ("under_week", 604_800_000), ("older", u64::MAX)];
        let families = &self.families.statements;
        let ages = || since_ms.iter().map(|since| now_ms.saturating_sub(*since));
        let mut from = 0;
        for (age, to) in AGES {
            let count = ages().filter(|old| (from..to).contains(old)).count();
            families.pending.get_or_create(&Age { age }).set(signed(count as u64));
            from = to;
        }
        families.pending_oldest.set(ages().max().unwrap_or(0) as f64 / 1000.0);
    }

    /// Statements by fate, and those kept out by reason, over all scopes.
    fn fates(&self, scopes: &[ScopeState]) {
        let (mut fates, mut reasons) = (BTreeMap::<&'static str, u64>::new(), BTreeMap::<&'static str, u64>::new());
        for scope in scopes {
            scope.fates.iter().for_each(|(fate, count)| *fates.entry(fate).or_default() += count);
            scope.reasons.iter().for_each(|(reason, count)| *reasons.entry(reason).or_default() += count);
        }
        let families = &self.families.statements;
        // What no longer occurs must vanish, and a scrape must not see the families half filled.
        let _scrape_waits = self.registry();
        families.fates.clear();
        families.kept_out.clear();
        for (fate, count) in fates {
            families.fates.get_or_create(&Fate { fate }).set(signed(count));
        }
        for (reason, count) in reasons {
            families.kept_out.get_or_create(&Reason { reason }).set(signed(count));
        }
    }

    /// A commit is durable: how long it took, statements and bytes in it, and the size of the store file now.
    pub fn committed(&self, took: Duration, statements: usize, bytes: u64, size: u64) {
        let families = &self.families.disk;
        families.commit.observe(took.as_secs_f64());
        families.commits.get_or_create(&Outcome { outcome: "stored" }).inc();
        families.statements.inc_by(statements as u64);
        families.written.inc_by(bytes);
        families.store_bytes.set(signed(size));
    }

    /// A commit failed: nothing of it was acknowledged.
    pub fn commit_failed(&self) {
        self.families.disk.commits.get_or_create(&Outcome { outcome: "failed" }).inc();
    }

    /// Whether the store takes no writes.
    pub fn read_only(&self, read_only: bool) {
        self.families.disk.read_only.set(read_only.into());
    }

    /// A command to the network found its queue full and was lost.
    pub fn network_queue_full(&self) {
        self.queue_dropped("network", 1);
    }

    /// The size last told.
    pub fn store_bytes(&self) -> u64 {
        u64::try_from(self.families.disk.store_bytes.get()).unwrap_or(0)
    }

    /// Items waiting in a bounded queue now. `queue` is one of the program's own words.
    pub fn queue_depth(&self, queue: &'static str, depth: usize) {
        self.families.traffic.queue_depth.get_or_create(&Queue { queue }).set(signed(depth as u64));
    }

    /// Items that a full queue refused.
    pub fn queue_dropped(&self, queue: &'static str, count: u64) {
        self.families.traffic.queue_drops.get_or_create(&Queue { queue }).inc_by(count);
    }

    /// Everything that the core can be asked. The driver calls it about twice a second. What walks over all entries is
    /// asked only every tenth time: a scraper comes no more often.
    pub fn observe(&self, machine: &Machine) {
        self.observe_counts(machine.counts());
        for (queue, depth) in machine.queues() {
            self.queue_depth(queue, depth);
        }
        self.observe_divergence(&machine.divergence(), &machine.nodes(), now_ms());
        self.observe_standing(&machine.standing());
        let over = machine.floods().iter().filter(|flood| flood.now).count();
        self.families.statements.authors_over_rate.set(signed(over as u64));
        if self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(10) {
            self.observe_status(&machine.status());
        }
    }

    /// Totals that the core keeps.
    pub fn observe_counts(&self, counts: &Counts) {
        let families = &self.families.traffic;
        for ((outcome, reason), total) in &counts.taken {
            let reason = if reason.is_empty() { "none" } else { reason };
            raise(&self.families.statements.intake.get_or_create(&Intake { outcome, reason }), *total);
        }
        for ((came, reason), total) in &counts.refusals {
            raise(&self.families.statements.refusals.get_or_create(&Refusal { came, reason }), *total);
        }
        for cause in Cause::ALL.map(Cause::word) {
            let total = counts.delayed.get(cause).copied().unwrap_or(0);
            raise(&self.families.statements.delayed.get_or_create(&Delayed { cause }), total);
        }
        raise(&self.families.statements.own_forks_seen, counts.own_forks);
        raise(&self.families.disk.struck_gone, counts.struck_gone);
        for (reason, total) in &counts.refused_messages {
            raise(&families.refused_messages.get_or_create(&Reason { reason }), *total);
        }
        raise(&families.sessions.get_or_create(&Outcome { outcome: "begun" }), counts.sessions);
        raise(&families.sessions.get_or_create(&Outcome { outcome: "failed" }), counts.failed_sessions);
        raise(&families.mutes, counts.mutes);
        raise(&families.rounds, counts.rounds);
        raise(&families.reconcile_bytes, counts.reconcile_bytes);
        raise(&families.differences, counts.differences);
        raise(&families.served, counts.served);
        raise(&families.published, counts.published);
        raise(&families.beacons, counts.beacons);
    }

    /// How far this node is from the others.
    pub fn observe_divergence(&self, picture: &Picture, nodes: &[NodeState], now_ms: u64) {
        let families = &self.families.standing;
        let share = |count: usize| if picture.heard == 0 { 0.0 } else { count as f64 / picture.heard as f64 };
        families.divergence_ratio.set(share(picture.differing));
        families.planned.set(share(picture.planned));
        families.divergence_age.set(picture.age_ms as f64 / 1000.0);
        families.unequal.set(i64::from(!picture.alarms.is_empty()));
        families.peers_expected.set(signed(picture.expected as u64));
        families.peers_heard.set(signed(picture.heard as u64));
        families.peers_silent.set(signed(picture.silent as u64));
        families.lag.set(picture.lag_ms as f64 / 1000.0);
        families.peers_lag.set(picture.peers_lag_ms as f64 / 1000.0);
        let heard = nodes.iter().filter(|node| !node.silent).filter_map(|node| node.heard_ms).min();
        families.beacon_oldest.set(heard.map_or(0.0, |heard| now_ms.saturating_sub(heard) as f64 / 1000.0));
    }

    /// How many sealed entries there are of each state. States are the program's own words.
    pub fn sealed(&self, counts: [(&'static str, u64); 5]) {
        for (state, count) in counts {
            self.families.secrets.sealed.get_or_create(&Sealed { state }).set(signed(count));
        }
    }

    /// A sealed value became effective and was opened on trial, so many milliseconds after its author's time.
    pub fn secret_propagated(&self, delay_ms: u64) {
        self.families.secrets.propagation.observe(delay_ms as f64 / 1000.0);
    }

    /// Counts a watch as open until the answer is dropped.
    pub fn watching(self: &Arc<Self>) -> Watching {
        self.families.door.watchers.inc();
        Watching(self.clone())
    }

    /// Watches open now.
    pub fn watchers(&self) -> u64 {
        u64::try_from(self.families.door.watchers.get()).unwrap_or(0)
    }

    /// An HTTP connection was opened (+1) or closed (−1).
    pub(crate) fn connections(&self, change: i64) {
        self.families.door.connections.inc_by(change);
    }

    /// An HTTP connection was refused or cut. `reason` is one of the program's own words.
    pub(crate) fn connection_cut(&self, reason: &'static str) {
        self.families.door.refused_connections.get_or_create(&Reason { reason }).inc();
    }

    /// An HTTP request was refused for who sent it, or from where. `reason` is one of the program's own words.
    pub(crate) fn denied(&self, reason: &'static str) {
        self.families.door.denied.get_or_create(&Reason { reason }).inc();
    }

    /// Whether the file of tokens cannot be used.
    pub(crate) fn tokens_broken(&self, broken: bool) {
        self.families.door.tokens_broken.set(broken.into());
    }

    /// Counts and measures an HTTP request.
    pub(crate) fn request(&self, request: &Request, seconds: f64) {
        if let Some((count, time)) = self.reads.get().filter(|_| *request == READ) {
            count.inc();
            time.observe(seconds);
            return;
        }
        self.families.door.requests.get_or_create(request).inc();
        self.families.door.request_seconds.get_or_create(&Route { route: request.route }).observe(seconds);
        if *request == READ {
            // A family finds its member behind a lock and two slow hashes: for the one that services count, only once.
            let _ = self.reads.set((
                self.families.door.requests.get_or_create_owned(request),
                self.families.door.request_seconds.get_or_create_owned(&Route { route: request.route }),
            ));
        }
    }
}
