//! Carrying out: events of the rooms into core, effects of core into the rooms.

use std::time::Duration;

use driftless_client::{api, clock};
use driftless_core::machine::{Effect, Event};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{Driver, LOOK, translate};
use crate::door::{Ban, Call};
use crate::p2p::{self, Command};
use crate::store;

impl Driver {
    pub(super) fn network_event(&mut self, event: p2p::Event) {
        match &event {
            p2p::Event::Listening { addr } => info!(%addr, "listening"),
            p2p::Event::Connected { peer, outbound, .. } => info!(peer = %peer.short(), outbound, "peer connected"),
            p2p::Event::Banned { who, why, lasts } => self.ban(who, why, *lasts),
            p2p::Event::Disconnected { peer } => info!(peer = %peer.short(), "peer disconnected"),
            p2p::Event::DialFailed { addr, reason } => debug!(%addr, %reason, "dial failed; will try again"),
            p2p::Event::RequestFailed { peer, reason, .. } => debug!(peer = %peer.short(), %reason, "request failed"),
            p2p::Event::Gossip { .. } | p2p::Event::Request { .. } | p2p::Event::Response { .. } => {}
        }
        let group = translate::group(&event);
        let asks = translate::asked_by(&event);
        let before = self.machine.counts().unreadable();
        if let Some(event) = translate::event(event) {
            self.step_event(event);
        }
        group.into_iter().for_each(|event| self.step_event(event));
        if let Some(peer) = asks.filter(|_| self.machine.counts().unreadable() > before) {
            self.command(Command::Fault { peer, why: "requests or answers that cannot be read" });
        }
    }

    /// Somebody is refused for a while: said aloud, and kept for whoever asks.
    fn ban(&self, who: &str, why: &'static str, lasts: Duration) {
        warn!(%who, %why, seconds = lasts.as_secs(), "banned; the ban ends by itself, or by a restart");
        let now_ms = self.clock.now().wall_ms;
        let until_ms = now_ms.saturating_add(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX));
        let mut bans: Vec<Ban> = self.shown.bans.load().iter().filter(|ban| ban.holds(now_ms)).cloned().collect();
        bans.push(Ban { who: who.to_owned(), why, until_ms });
        self.shown.bans.store(bans.into());
    }

    pub(super) fn store_event(&mut self, event: store::Event) {
        match event {
            store::Event::Stored { batches, bytes, commit, size, statements, gone } => {
                if gone > 0 {
                    info!(statements = gone, "what root keys struck left the disk; its beginning is kept");
                }
                self.metrics.committed(commit, statements, bytes, size);
                batches.into_iter().for_each(|batch| self.step_event(Event::Stored { batch }));
            }
            store::Event::Failed { batches, error } => {
                self.metrics.commit_failed();
                let reason = error.to_string();
                for batch in batches {
                    self.step_event(Event::StoreFailed { batch, reason: reason.clone() });
                }
            }
            store::Event::ReadOnly { reason } => {
                warn!(%reason, "the store takes no writes; reads go on");
                self.metrics.read_only(true);
            }
            store::Event::Recovered { lost } => {
                info!(lost = lost.len(), "the store takes writes again");
                self.metrics.read_only(false);
                if !lost.is_empty() {
                    warn!(
                        lost = lost.len(),
                        "the disk lost statements that it had acknowledged; they are stored again"
                    );
                    self.step_event(Event::StoreLost { ids: lost });
                }
                self.step_event(Event::StoreRecovered);
            }
        }
    }

    pub(super) fn call(&mut self, call: Call) {
        match call {
            Call::Write { edit, reply } => {
                let call = self.replies.write(reply);
                self.step_event(Event::Write { call, edit });
            }
            Call::Submit { statements, reply } => {
                let call = self.replies.submit(reply);
                self.step_event(Event::Submit { call, statements });
            }
            Call::Read(question) => question(&self.machine),
            Call::Ails(health) => self.step_event(Event::Ails(health)),
            Call::Isolate(cut) => {
                warn!(cut, "network isolation asked for at the door");
                self.command(Command::Isolate(cut));
            }
        }
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Store { batch, gone, statements, floor_ms } => {
                self.send_to_store(store::Batch { id: batch, gone, statements, floor_ms })
            }
            Effect::Publish { topic, bytes } => {
                self.command(Command::Publish { topic: translate::topic(&topic), bytes })
            }
            Effect::Verdict { id, from, verdict } => {
                self.metrics.verdict(verdict);
                self.judge(&id, from, translate::verdict(verdict));
            }
            Effect::Mute { peer, lasts_ms } => self.mute(peer, Duration::from_millis(lasts_ms)),
            Effect::Request { peer, corr, bytes } => self.ask(peer, corr, bytes),
            Effect::Respond { token, bytes } => {
                self.command(Command::Respond { token: p2p::RequestToken(token), bytes });
            }
            Effect::Members(members) => self.command(Command::Members((*members).clone())),
            Effect::Expelled(keys) => self.command(Command::Expelled((*keys).clone())),
            Effect::Subscribe(topic) => self.command(Command::Subscribe { topic: translate::topic(&topic) }),
            Effect::Wrote { call, outcome } => {
                self.metrics.wrote(&outcome);
                self.replies.wrote(call, outcome);
            }
            Effect::Submitted { call, outcome } => self.replies.submitted(call, outcome),
            Effect::Show(view) => {
                self.shown.view.store(view);
                self.shown.standing.store(self.machine.standing().into());
                self.shown.changed.send_modify(|count| *count += 1);
            }
            Effect::Effective { delay_ms, apply_ms, catch_up, .. } => {
                self.metrics.effective((!catch_up).then_some(delay_ms), apply_ms);
            }
        }
    }

    /// A batch that the writer has no room for has failed like one that the disk refused.
    fn send_to_store(&mut self, batch: store::Batch) {
        let id = batch.id;
        if let Err(error) = self.writer.submit(batch) {
            let reason = error.to_string();
            self.pending.push(Event::StoreFailed { batch: id, reason });
        }
    }

    /// Requests get an answer or a failure, always: core waits for it.
    fn ask(&mut self, peer: driftless_statement::PublicKey, corr: u64, bytes: Vec<u8>) {
        if self.network.try_send(Command::Request { peer, corr, bytes }).is_err() {
            self.pending.push(Event::RequestFailed { peer, corr });
        }
    }

    fn judge(&self, id: &[u8], from: driftless_statement::PublicKey, verdict: p2p::Verdict) {
        if let Ok(id) = id.try_into() {
            self.command(Command::Verdict { id: p2p::GossipId(id), from, verdict });
        }
    }

    fn mute(&self, peer: driftless_statement::PublicKey, lasts: Duration) {
        warn!(
            peer = %peer.short(),
            seconds = lasts.as_secs(),
            "a peer hands on more statements by keys without a grant than a grant on its way explains: its gossip is not \
             heard for a while; comparison with it goes on"
        );
        self.command(Command::Mute { peer, lasts });
    }

    /// A command that finds no room is lost like a message on the wire; reconciliation makes up for it.
    fn command(&self, command: Command) {
        if self.network.try_send(command).is_err() {
            self.metrics.network_queue_full();
        }
    }

    /// Reads the figures that nobody pushes.
    pub(super) fn refresh(&mut self) {
        self.look = Instant::now() + LOOK;
        let standing = self.machine.standing();
        self.metrics.observe(&self.machine);
        let now_ms = self.clock.now().wall_ms;
        self.metrics.banned(self.shown.bans.load().iter().filter(|ban| ban.holds(now_ms)).count());
        let forks = self.machine.counts().own_forks;
        if forks > std::mem::replace(&mut self.forks_told, forks) {
            warn!(
                forks,
                "this node's own branch forked: its key signed statements that do not know of each other; another process uses \
                 the key, or the store was restored from a backup"
            );
        }
        self.shown.standing.store(standing.into());
        self.tell_floods();
    }

    /// Says once that an author is over its intake rate, and once that it no longer is.
    fn tell_floods(&mut self) {
        let floods: Vec<_> = self.machine.floods().into_iter().filter(|flood| flood.now).collect();
        for flood in floods.iter().filter(|flood| !self.floods_told.contains(&flood.author)) {
            let (author, since) = (flood.author, clock::rfc3339(flood.since_ms));
            let remedy = api::remedy(&author);
            warn!(%author, %since, "an author is over its intake rate and delayed; if its key turned bad: {remedy}");
        }
        let now = floods.iter().map(|flood| flood.author).collect();
        for author in self.floods_told.difference(&now) {
            info!(%author, "an author is within its intake rate again");
        }
        self.floods_told = now;
    }
}
