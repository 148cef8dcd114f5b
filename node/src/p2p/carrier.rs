//! The swarm loop. It translates between libp2p and plain data and never thinks: `select` waits, `apply` works.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use driftless_statement::PublicKey;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::metrics::{Metrics, Recorder};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, Swarm, gossipsub};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::behaviour::{Behaviour, BehaviourEvent};
use super::calls::Calls;
use super::dialler::{Dial, Dialler, Standing};
use super::gate::Gate;
use super::links::Links;
use super::muted::Muted;
use super::names::Names;
use super::outbox::Outbox;
use super::room::Writing;
use super::translate::{Heard, Whisper, dial_reason, heard, plain_addr};
use super::{
    Command, Event, GossipId, MAX_GOSSIP_BYTES, MAX_REQUEST_BYTES, RequestFailure, RequestToken, Traffic, Verdict,
    gossip, identity, resolve,
};

/// How long peers are given to hear that this node goes.
const FAREWELL: Duration = Duration::from_millis(500);
/// Commands taken in one turn.
const ORDERS: usize = 64;

/// Everything that one node's network is made of.
pub(super) struct Carrier {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) outbox: Outbox,
    pub(super) dialler: Dialler,
    pub(super) links: Links,
    pub(super) muted: Muted,
    pub(super) calls: Calls,
    pub(super) writing: Writing,
    pub(super) names: Names,
    pub(super) traffic: Traffic,
    pub(super) metrics: Metrics,
    pub(super) lookups: Lookups,
    pub(super) leaving: Option<Instant>,
    /// Rings no later than something is due. Kept from turn to turn: to make a timer and drop it costs two wakes of the
    /// thread that keeps time, and there are tens of thousands of turns a second under load.
    pub(super) alarm: Pin<Box<Sleep>>,
    /// Commands just taken from the channel.
    pub(super) orders: Vec<Command>,
}

/// Names being resolved, each for one attempt.
pub(super) type Lookups = FuturesUnordered<BoxFuture<'static, Lookup>>;

/// An attempt and the addresses that its names stand for.
type Lookup = (Dial, Result<Vec<Multiaddr>, String>);

/// What there is to do.
enum Action {
    Swarm(Box<SwarmEvent<BehaviourEvent>>),
    /// There are orders.
    Orders,
    Resolved(Lookup),
    Room,
    Tick,
}

impl Carrier {
    /// Runs until told to shut down, or until nobody listens any more.
    pub(super) async fn run(mut self) {
        while !self.done(Instant::now()) {
            let action = self.select().await;
            self.apply(action, Instant::now());
        }
        // The last farewells, if the driver still takes them.
        let _ = tokio::time::timeout(FAREWELL, self.outbox.drain()).await;
    }

    fn done(&self, now: Instant) -> bool {
        let left = self.leaving.is_some_and(|until| self.links.is_empty() || until <= now);
        left || self.outbox.is_closed()
    }

    async fn select(&mut self) -> Action {
        let deadline = self.deadline().map(tokio::time::Instant::from);
        if let Some(due) = deadline.filter(|due| self.alarm.is_elapsed() || self.alarm.deadline() > *due) {
            self.alarm.as_mut().reset(due);
        }
        let (may_listen, waiting) = (self.outbox.has_room(), !self.outbox.is_empty());
        tokio::select! {
            _ = self.commands.recv_many(&mut self.orders, ORDERS), if self.leaving.is_none() => Action::Orders,
            event = self.swarm.select_next_some(), if may_listen => Action::Swarm(Box::new(event)),
            Some(lookup) = self.lookups.next(), if !self.lookups.is_empty() => Action::Resolved(lookup),
            () = self.outbox.room(), if waiting => Action::Room,
            () = &mut self.alarm, if deadline.is_some() => Action::Tick,
        }
    }

    fn deadline(&mut self) -> Option<Instant> {
        let gate = &self.swarm.behaviour().gate;
        let dial = self.dialler.deadline(|peer| standing(gate, &self.links, peer)).filter(|_| gate.is_open());
        [dial, gate.deadline(), self.links.deadline(), self.muted.deadline(), self.leaving].into_iter().flatten().min()
    }

    fn apply(&mut self, action: Action, now: Instant) {
        match action {
            Action::Swarm(event) => {
                self.record(&event);
                let heard = heard(*event, &self.names);
                self.hear(heard, now);
            }
            Action::Orders => self.obey_all(now),
            Action::Resolved((dial, addrs)) => self.resolved(dial, addrs, now),
            Action::Room => self.outbox.flush(),
            Action::Tick => self.tick(now),
        }
    }

    fn record(&self, event: &SwarmEvent<BehaviourEvent>) {
        self.metrics.record(event);
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.metrics.record(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.metrics.record(event),
            _ => {}
        }
    }

    fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Listening(addr) => self.outbox.keep(Event::Listening { addr: plain_addr(&addr) }),
            Heard::Opened { peer, link, outbound, group } => {
                self.opened(peer, link, now, Event::Connected { peer, outbound, group });
            }
            Heard::Closed { peer, link } => self.closed(peer, link, now),
            Heard::DialFailed { link, reason } => self.dial_failed(link, reason, now),
            Heard::DialledSelf { link } => self.dialler.reached_self(link),
            Heard::Refused(place) => self.refused(place, now),
            Heard::Gossip(whisper) => self.gossip(whisper),
            Heard::Request { peer, bytes, room, channel } => {
                let token = self.calls.wait(peer, room, channel);
                self.request(peer, token, bytes);
            }
            Heard::Response { peer, id, bytes } => {
                let corr = self.calls.ended(id);
                self.keep(corr.map(|corr| Event::Response { peer, corr, bytes }));
            }
            Heard::RequestFailed { peer, id, reason } => {
                let corr = self.calls.ended(id);
                self.keep(corr.map(|corr| Event::RequestFailed { peer, corr, reason }));
            }
            Heard::GaveUp => self.calls.prune(),
            Heard::Dead(link) => drop(self.swarm.close_connection(link)),
            Heard::Foreign(peer) => self.disconnect(&peer, "belongs to another mesh"),
            Heard::Found(found) => found.into_iter().for_each(|(peer, addrs)| self.dialler.found(peer, addrs, now)),
            Heard::Vanished(gone) => gone.iter().for_each(|peer| self.dialler.vanished(peer)),
            Heard::Nothing => {}
        }
    }

    /// Several at once: each turn asks all of the network anew what there is.
    fn obey_all(&mut self, now: Instant) {
        if self.orders.is_empty() {
            // Without handles nobody can use the network any more.
            self.orders.push(Command::Shutdown);
        }
        let mut orders = std::mem::take(&mut self.orders);
        for command in orders.drain(..) {
            if self.leaving.is_none() {
                self.obey(command, now);
            }
        }
        self.orders = orders;
    }

    fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Publish { topic, bytes } => self.publish(&topic, bytes),
            Command::Verdict { id, from, verdict } => {
                self.verdict(id, &from, verdict);
                if verdict == Verdict::Reject {
                    self.fault(from, "messages that no honest node hands on", now);
                }
            }
            Command::Fault { peer, why } => self.fault(peer, why, now),
            Command::Mute { peer, lasts } => self.mute(peer, now + lasts),
            Command::Request { peer, corr, bytes } => self.ask(peer, corr, bytes),
            Command::Respond { token, bytes } => self.respond(token, bytes),
            Command::Disconnect { peer, reason } => self.disconnect(&peer, &reason),
            Command::Subscribe { topic } => self.subscribe(&topic),
            Command::Unsubscribe { topic } => self.unsubscribe(&topic),
            Command::Members(members) => {
                if self.swarm.behaviour_mut().gate.admit(members) {
                    self.dialler.hurry(now);
                }
            }
            Command::Expelled(keys) => self.swarm.behaviour_mut().gate.expel(keys),
            Command::Addresses { peer, addrs } => {
                let addrs: Vec<Multiaddr> = addrs.iter().filter_map(|addr| addr.parse().ok()).collect();
                self.dialler.found(peer, addrs, now);
            }
            Command::Isolate(isolated) => {
                self.swarm.behaviour_mut().gate.isolate(isolated);
                self.dialler.hurry(now);
            }
            Command::Shutdown => self.leave(now),
        }
    }

    /// Does what has come due. Often nothing: what the alarm was set for may have been put off since.
    fn tick(&mut self, now: Instant) {
        self.swarm.behaviour_mut().gate.end_bans(now);
        self.muted.over(now).iter().for_each(|peer| self.listen_to(peer));
        let gate = &self.swarm.behaviour().gate;
        if gate.is_open() {
            for dial in self.dialler.due(now, |peer| standing(gate, &self.links, peer)) {
                self.dial(dial, now);
            }
        }
        for link in self.links.surplus(now, |peer| self.calls.busy(peer)) {
            self.swarm.close_connection(link);
        }
    }
}

/// Connections.
impl Carrier {
    fn dial(&mut self, dial: Dial, now: Instant) {
        if !resolve::needed(&dial.addrs) {
            return self.connect(dial, now);
        }
        self.lookups.push(Box::pin(async move {
            let addrs = resolve::resolve(dial.addrs.clone()).await;
            (dial, addrs)
        }));
    }

    fn resolved(&mut self, dial: Dial, addrs: Result<Vec<Multiaddr>, String>, now: Instant) {
        match addrs {
            Ok(addrs) => self.connect(Dial { addrs, ..dial }, now),
            Err(reason) => {
                self.dialler.refused(dial.target, now);
                let addr = dial.addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                self.outbox.offer(Event::DialFailed { addr, reason });
            }
        }
    }

    fn connect(&mut self, dial: Dial, now: Instant) {
        let Some(opts) = dial_opts(&dial) else { return self.dialler.refused(dial.target, now) };
        self.dialler.dialling(dial.target, opts.connection_id());
        let link = opts.connection_id();
        match self.swarm.dial(opts) {
            Ok(()) => {}
            // The swarm leaves out addresses that it listens on itself; there always was one.
            Err(DialError::NoAddresses) if dial.peer.is_none() => self.dialler.reached_self(link),
            Err(error) => self.dial_failed(link, dial_reason(&error), now),
        }
    }

    fn dial_failed(&mut self, link: ConnectionId, reason: String, now: Instant) {
        if let Some(addr) = self.dialler.failed(link, now) {
            self.outbox.offer(Event::DialFailed { addr, reason });
        }
    }

    fn opened(&mut self, peer: PublicKey, link: ConnectionId, now: Instant, event: Event) {
        self.dialler.answered(link, peer, now);
        if self.links.opened(peer, link, now) {
            self.outbox.keep(event);
        }
    }

    /// A peer did what no honest one does.
    fn fault(&mut self, peer: PublicKey, why: &'static str, now: Instant) {
        let lasts = self.swarm.behaviour_mut().gate.fault(peer, now);
        self.banned(lasts, || peer.to_string(), why);
    }

    /// A connection from outside was refused, or its handshake broke.
    fn refused(&mut self, place: Option<IpAddr>, now: Instant) {
        self.traffic.count_connection_refused();
        let Some(place) = place else { return };
        let lasts = self.swarm.behaviour_mut().gate.fault_at(place, now);
        self.banned(lasts, || place.to_string(), "handshakes that prove no key of this mesh");
    }

    fn banned(&mut self, lasts: Option<Duration>, who: impl Fn() -> String, why: &'static str) {
        if let Some(lasts) = lasts {
            self.traffic.count_ban();
            self.outbox.keep(Event::Banned { who: who(), why, lasts });
        }
    }

    fn closed(&mut self, peer: PublicKey, link: ConnectionId, now: Instant) {
        if let Some(lasted) = self.links.closed(&peer, link, now) {
            self.dialler.lost(&peer, lasted, now);
            self.writing.gone(&peer);
            if self.muted.left(&peer) {
                self.listen_to(&peer);
            }
            self.outbox.keep(Event::Disconnected { peer });
        }
    }

    fn disconnect(&mut self, peer: &PublicKey, reason: &str) {
        tracing::debug!(%peer, reason, "disconnecting");
        if let Some(peer) = identity::peer_id(peer) {
            // An error means that there is no connection to cut.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    fn leave(&mut self, now: Instant) {
        self.leaving = Some(now + FAREWELL);
        self.swarm.behaviour_mut().gate.isolate(true);
    }
}

/// Gossip.
impl Carrier {
    fn gossip(&mut self, whisper: Whisper) {
        self.traffic.count_gossiped();
        let Whisper { topic, id, from, bytes } = whisper;
        if !self.outbox.offer(Event::Gossip { topic, id, from, bytes }) {
            self.traffic.count_dropped();
            self.verdict(id, &from, Verdict::Ignore);
        }
    }

    fn verdict(&mut self, id: GossipId, from: &PublicKey, verdict: Verdict) {
        let Some(from) = identity::peer_id(from) else { return };
        let verdict = match verdict {
            Verdict::Accept => gossipsub::MessageAcceptance::Accept,
            Verdict::Ignore => gossipsub::MessageAcceptance::Ignore,
            Verdict::Reject => gossipsub::MessageAcceptance::Reject,
        };
        let id = gossipsub::MessageId::new(&id.0);
        self.swarm.behaviour_mut().gossip.report_message_validation_result(&id, &from, verdict);
    }

    /// Gossip drops what a peer hands on before it is remembered as heard, so that the same from others is still news.
    fn mute(&mut self, peer: PublicKey, until: Instant) {
        // Gossip would pass over a new connection of who is muted, for as long as that stands.
        if let Some(id) = identity::peer_id(&peer).filter(|_| self.links.connected(&peer)) {
            self.swarm.behaviour_mut().gossip.blacklist_peer(&id);
            self.muted.mute(peer, until);
        }
    }

    fn listen_to(&mut self, peer: &PublicKey) {
        if let Some(id) = identity::peer_id(peer) {
            self.swarm.behaviour_mut().gossip.remove_blacklisted_peer(&id);
        }
    }

    fn publish(&mut self, topic: &str, bytes: Vec<u8>) {
        let Some(topic) = self.names.topic(topic).filter(|_| bytes.len() <= MAX_GOSSIP_BYTES) else {
            return self.traffic.count_dropped();
        };
        match self.swarm.behaviour_mut().gossip.publish(topic, bytes) {
            Ok(_) => self.traffic.count_published(),
            // All who can hear it have heard it.
            Err(gossipsub::PublishError::Duplicate) => {}
            Err(gossipsub::PublishError::NoPeersSubscribedToTopic) => self.traffic.count_unheard(),
            Err(_) => self.traffic.count_dropped(),
        }
    }

    fn subscribe(&mut self, topic: &str) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        let room = gossip.topics().count() < gossip::TOPICS;
        let listens = self.names.topic(topic).filter(|_| room).is_some_and(|topic| gossip::listen(gossip, topic));
        if !listens {
            tracing::warn!(topic, "no gossip on this topic, its name is too long or there are too many");
        }
    }

    fn unsubscribe(&mut self, topic: &str) {
        if let Some(topic) = self.names.topic(topic) {
            let topic = gossipsub::IdentTopic::new(topic.into_string());
            self.swarm.behaviour_mut().gossip.unsubscribe(&topic);
        }
    }
}

/// Requests.
impl Carrier {
    fn request(&mut self, peer: PublicKey, token: Option<RequestToken>, bytes: Vec<u8>) {
        self.traffic.count_request_received();
        let Some(token) = token else { return self.traffic.count_request_refused() };
        if !self.outbox.offer(Event::Request { peer, token, bytes }) {
            // Without its channel the peer's stream ends at once: it hears the refusal and need not wait.
            drop(self.calls.take(token));
            self.traffic.count_request_refused();
        }
    }

    fn ask(&mut self, peer: PublicKey, corr: u64, bytes: Vec<u8>) {
        let refused = match identity::peer_id(&peer).filter(|_| self.links.connected(&peer)) {
            None => RequestFailure::NotConnected,
            Some(_) if !self.calls.may_ask() || bytes.len() > MAX_REQUEST_BYTES => RequestFailure::Refused,
            Some(id) => {
                let sent = self.swarm.behaviour_mut().sync.send_request(&id, bytes.into());
                self.traffic.count_request_sent();
                return self.calls.asked(sent, peer, corr);
            }
        };
        self.outbox.keep(Event::RequestFailed { peer, corr, reason: refused });
    }

    fn respond(&mut self, token: RequestToken, bytes: Vec<u8>) {
        let Some(waiting) = self.calls.take(token) else { return };
        // Without an answer the channel ends, and the peer hears that at once.
        let Some(answer) = self.writing.answer(waiting.peer, bytes) else {
            return self.traffic.count_request_refused();
        };
        // An error means that the peer no longer waits.
        let _ = self.swarm.behaviour_mut().sync.send_response(waiting.channel, answer);
    }

    fn keep(&mut self, event: Option<Event>) {
        if let Some(event) = event {
            self.outbox.keep(event);
        }
    }
}

fn standing(gate: &Gate, links: &Links, peer: &PublicKey) -> Standing {
    match (links.connected(peer), gate.allows(peer)) {
        (true, _) => Standing::Connected,
        (false, true) => Standing::Allowed,
        (false, false) => Standing::Barred,
    }
}

/// Each dial from a port of its own: from the listening one, a dial soon after a cut would find the old connection's
/// pair of addresses still waiting to be forgotten.
fn dial_opts(dial: &Dial) -> Option<DialOpts> {
    Some(match &dial.peer {
        Some(peer) => DialOpts::peer_id(identity::peer_id(peer)?)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .addresses(dial.addrs.clone())
            .allocate_new_port()
            .build(),
        None => DialOpts::unknown_peer_id().address(dial.addrs.first()?.clone()).allocate_new_port().build(),
    })
}
