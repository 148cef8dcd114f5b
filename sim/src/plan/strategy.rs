//! What hostile authors and hostile peers do: two tables that name each strategy, say what it does, which property it
//! attacks, and which state proves that the attack reached its target. It must not know how the world carries them out.

use serde::{Deserialize, Serialize};

/// What a hostile author does. Each holds a key that was truly granted, and signs what it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorKind {
    /// Signs two branches and hands them to two nodes.
    Brancher,
    /// Two honest processes that share a key.
    Twins,
    /// Dates everything back to just after its grant.
    BackDater,
    /// Claims to have seen nothing, in entries that others write.
    Forger,
    /// Reaches for more than it was granted.
    Climber,
    /// Revokes equals, seniors, and whomever it can.
    Sideways,
    /// Signs far more than anybody could want.
    Flooder,
    /// Dates ahead, by less and by far more than the allowed skew.
    FutureDater,
    /// Pads an entry's history so that its branch is the longest.
    Padder,
    /// Drives counters to their bounds and over.
    Overflower,
    /// Releases what names a statement, and that one much later.
    Withholder,
    /// Makes heads without end in one entry.
    HeadMaker,
    /// Brings statements of another mesh, and of this one under another name.
    MeshReplayer,
    /// Deletes whatever it sees.
    MassDeleter,
    /// Names entries so that they look like others, or like none.
    PathConfuser,
    /// Signs kinds and fields that nobody knows.
    Stranger,
    /// Signs in secret, and lets go after it was struck.
    LateReleaser,
    /// Holds one root key of three, and acts alone.
    RogueRoot,
    /// Grants to friends, and back to those who were struck.
    Befriender,
    /// Writes on after the end of its grant.
    Overstayer,
    /// Holds a root key of an epoch that ends, and goes on as if it had not.
    OldRoot,
}

/// What a hostile peer does: a member whose machine is somebody's malice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerKind {
    /// Lies in reconciliation: wrong counts, symbols, ranges and ids.
    Liar,
    /// Takes everything, gives nothing, and says that all is the same.
    Withholder,
    /// Sends requests, pushes and gossip without end.
    Flooder,
    /// Tells for ever of the state that it once had.
    Frozen,
    /// Many identities around each node, that all say what it says.
    Eclipse,
    /// Bytes that mean nothing, or nearly something.
    Garbage,
    /// Answers late or never.
    SlowReader,
    /// Says again what others said, and answers with old answers.
    Replayer,
    /// Tells of scopes and statements that do not exist.
    Inventor,
    /// Tells one thing to one node and another to the next: equal sets, unequal states.
    TwoFaced,
}

/// What at the end of a run proves that a strategy reached its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Something it signed shows.
    Shows,
    /// Something it signed was kept out by every node.
    KeptOut,
    /// Something it signed was on a disk and left the summaries.
    Left,
    /// Something it signed waits for its time.
    NotDue,
    /// Something it signed is unfit.
    Unfit,
    /// Something it signed has an edit that was skipped.
    Skipped,
    /// Something it signed is pending.
    Pending,
    /// Something it signed is void in the set.
    Unknown,
    /// It signed branches that are both held.
    Forked,
    /// It struck somebody, and the roots brought back what that hid.
    Recovered,
}

/// A row of the table of authors.
#[derive(Debug, Clone, Copy)]
pub struct AuthorRow {
    /// The strategy.
    pub kind: AuthorKind,
    /// Its name in scenarios and reports.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// The property that it attacks.
    pub attacks: &'static str,
    /// What proves that it got there.
    pub proof: Proof,
    /// The same in words: a state worth reaching.
    pub state: &'static str,
}

/// A row of the table of peers.
#[derive(Debug, Clone, Copy)]
pub struct PeerRow {
    /// The strategy.
    pub kind: PeerKind,
    /// Its name in scenarios and reports.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// The property that it attacks.
    pub attacks: &'static str,
    /// The state worth reaching: an honest node met the lie.
    pub state: &'static str,
}

const fn author(
    kind: AuthorKind,
    names: (&'static str, &'static str),
    attacks: &'static str,
    proof: Proof,
    state: &'static str,
) -> AuthorRow {
    AuthorRow { kind, name: names.0, does: names.1, attacks, proof, state }
}

const fn peer(
    kind: PeerKind,
    names: (&'static str, &'static str),
    attacks: &'static str,
    state: &'static str,
) -> PeerRow {
    PeerRow { kind, name: names.0, does: names.1, attacks, state }
}

/// Strategies of authors.
#[rustfmt::skip]
pub const AUTHORS: [AuthorRow; 21] = {
    use AuthorKind as A;
    [
        author(A::Brancher, ("brancher", "signs two branches and hands them to two nodes"),
            "equal sets give equal states", Proof::Forked, "brancher: both branches are held"),
        author(A::Twins, ("twins", "two honest processes share a key"),
            "equal sets give equal states", Proof::Forked, "twins: one key has two heads"),
        author(A::BackDater, ("back-dater", "dates everything to just after its grant, before and after it is struck"),
            "what a struck key signs later changes nothing", Proof::Left, "back-dater: what it dated back left the summaries"),
        author(A::Forger, ("forger", "writes others' entries as if it had seen nothing"),
            "equal sets give equal states; conflicts are shown", Proof::Shows, "forger: a forged concurrency shows"),
        author(A::Climber, ("climber", "grants itself more, writes outside its prefix, acts as a root"),
            "nobody writes outside what was granted", Proof::KeptOut, "climber: what it reached for was kept out"),
        author(A::Sideways, ("sideways", "revokes equals, seniors and juniors"),
            "nobody strikes equals or seniors; the roots recover what it hid", Proof::Recovered, "sideways: the roots recovered what it hid"),
        author(A::Flooder, ("flooder", "signs hundreds of writes a minute"),
            "a struck flood leaves every summary; queues are bounded", Proof::Left, "flooder: its flood left the summaries"),
        author(A::FutureDater, ("future-dater", "dates 50 seconds, ten minutes and thousands of years ahead"),
            "nothing from beyond the allowed skew shows", Proof::NotDue, "future-dater: a statement waits for its time"),
        author(A::Padder, ("padder", "pads an entry's history with edits, then writes beside the others"),
            "the winner is the later statement, not the longer history", Proof::Shows, "padder: a padded branch is held"),
        author(A::Overflower, ("overflower", "counters at their bounds, increments of what is no counter"),
            "the fold is total", Proof::Skipped, "overflower: an edit was skipped"),
        author(A::Withholder, ("withholder", "releases a statement and keeps back what it names"),
            "closed storage; the waiting room is bounded", Proof::Shows, "withholder: what it kept back was released and shows"),
        author(A::HeadMaker, ("head-maker", "more heads in one entry than an entry may have"),
            "limits hold alike everywhere", Proof::Unfit, "head-maker: a head too many is unfit"),
        author(A::MeshReplayer, ("mesh-replayer", "statements of another mesh, and its own under a strange mesh's name"),
            "meshes never mix", Proof::KeptOut, "mesh-replayer: another mesh's statement was kept out"),
        author(A::MassDeleter, ("mass-deleter", "deletes every entry that it sees"),
            "the roots recover; no unexplained change", Proof::Shows, "mass-deleter: a deletion was held"),
        author(A::PathConfuser, ("path-confuser", "paths with dots, of other scopes, that look like parents of entries"),
            "a path means one entry", Proof::KeptOut, "path-confuser: a false path was kept out"),
        author(A::Stranger, ("stranger", "kinds and fields of no version"),
            "mixed versions hold equal sets", Proof::Unknown, "stranger: an unknown kind is held and void"),
        author(A::LateReleaser, ("late-releaser", "signs in secret, lets go after it was struck"),
            "what a struck key releases later changes nothing", Proof::KeptOut, "late-releaser: what it let go was kept out"),
        author(A::RogueRoot, ("rogue-root", "one root key of three acts alone"),
            "a root act needs its signatures", Proof::Pending, "rogue-root: an act of one root key is pending"),
        author(A::Befriender, ("befriender", "grants to friends, who write, and to keys that were struck"),
            "nobody undoes a removal from below", Proof::Shows, "befriender: a friend's write was held"),
        author(A::Overstayer, ("overstayer", "writes on after its grant's not-after, and names that in what it may still write"),
            "nothing later than a grant's not-after counts", Proof::KeptOut, "overstayer: a write after its time was kept out"),
        author(A::OldRoot, ("old-root", "one root key signs rotations of its own, acts after its epoch ended, releases what it kept back"),
            "an ended epoch says nothing; the chain of epochs is not forked below the threshold", Proof::Pending, "old-root: a second rotation is pending"),
    ]
};

/// Strategies of peers.
#[rustfmt::skip]
pub const PEERS: [PeerRow; 10] = {
    use PeerKind as P;
    [
        peer(P::Liar, ("liar", "false counts, symbols, ranges, times and ids in reconciliation"),
            "convergence; a session ends", "peer liar: a false answer was given"),
        peer(P::Withholder, ("withholder-peer", "says that all is the same, takes what is pushed, gives nothing"),
            "an empty answer is never trusted", "peer withholder-peer: a false answer was given"),
        peer(P::Flooder, ("flooder-peer", "pushes, questions and gossip without end"),
            "queues are bounded; every call is answered", "peer flooder-peer: a request was answered"),
        peer(P::Frozen, ("frozen", "tells for ever of the state that it once had"),
            "an eclipse is detected", "peer frozen: an old state was told again"),
        peer(P::Eclipse, ("eclipse", "five identities around each node that echo what it says"),
            "convergence among honest nodes; an eclipse is detected", "peer eclipse: an echo was sent"),
        peer(P::Garbage, ("garbage", "random bytes, cut and mutated messages"),
            "no crash; bad bytes are data", "peer garbage: nonsense was sent"),
        peer(P::SlowReader, ("slow-reader", "answers late or never"),
            "convergence; requests are bounded", "peer slow-reader: a request was left open"),
        peer(P::Replayer, ("replayer", "says again what others said, answers with old answers"),
            "old messages change nothing", "peer replayer: an old message was sent again"),
        peer(P::Inventor, ("inventor", "beacons of scopes that do not exist, announcements of ids that do not"),
            "memory is bounded", "peer inventor: an invention was told"),
        peer(P::TwoFaced, ("two-faced", "one state to one node and another to the next, equal sets with unequal states"),
            "an alarm names the liar and nothing else happens", "peer two-faced: two states were told"),
    ]
};

impl AuthorKind {
    /// Whether it holds a root key.
    pub fn is_root(self) -> bool {
        matches!(self, Self::RogueRoot | Self::OldRoot)
    }

    /// Its row in the table.
    pub fn row(self) -> &'static AuthorRow {
        AUTHORS.iter().find(|row| row.kind == self).unwrap_or(&AUTHORS[0])
    }
}

impl PeerKind {
    /// Its row in the table.
    pub fn row(self) -> &'static PeerRow {
        PEERS.iter().find(|row| row.kind == self).unwrap_or(&PEERS[0])
    }

    /// How many identities one such actor has.
    pub fn identities(self) -> usize {
        if self == Self::Eclipse { 5 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_strategy_has_one_row() {
        let authors: BTreeSet<AuthorKind> = AUTHORS.iter().map(|row| row.kind).collect();
        let peers: BTreeSet<PeerKind> = PEERS.iter().map(|row| row.kind).collect();
        assert_eq!((authors.len(), peers.len()), (AUTHORS.len(), PEERS.len()));
        let states: BTreeSet<&str> =
            AUTHORS.iter().map(|row| row.state).chain(PEERS.iter().map(|row| row.state)).collect();
        assert_eq!(states.len(), AUTHORS.len() + PEERS.len());
        assert!(AUTHORS.iter().all(|row| row.state.starts_with(row.name)));
    }
}
