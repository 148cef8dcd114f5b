//! Bodies: what a statement says. Kinds that this format version does not know are kept as they came.

use std::collections::BTreeSet;

use crate::codec::Item;
use crate::edit::Edit;
use crate::frontier::Frontier;
use crate::id::{PublicKey, StatementId};
use crate::limits;
use crate::path::{Prefix, Scope};
use crate::statement::Invalid;
use crate::terms::Terms;

/// What a grant allows its key to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Edit entries outside `@mesh`.
    Write,
    /// Approve what a grant demands approvals for.
    Approve,
    /// Issue narrower grants.
    Delegate,
    /// Revoke grants of greater rank.
    Revoke,
    /// Edit entries in `@mesh`: schemas, guards, rollout plans, node groups.
    Operate,
    /// Take part as a node and hold scopes.
    Member,
}

/// A set of verbs.
pub type Verbs = BTreeSet<Verb>;

impl Verb {
    /// Every verb, in the order of its number.
    pub const ALL: [Verb; 6] = [Self::Write, Self::Approve, Self::Delegate, Self::Revoke, Self::Operate, Self::Member];

    fn code(self) -> u64 {
        match self {
            Self::Write => 0,
            Self::Approve => 1,
            Self::Delegate => 2,
            Self::Revoke => 3,
            Self::Operate => 4,
            Self::Member => 5,
        }
    }

    /// The word, as commands and documents use it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Approve => "approve",
            Self::Delegate => "delegate",
            Self::Revoke => "revoke",
            Self::Operate => "operate",
            Self::Member => "member",
        }
    }
}

/// Founds a mesh: its first epoch of root keys and its first fold version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The root keys, ascending, without repetition.
    pub keys: Vec<PublicKey>,
    /// How many of them must approve a root act; more than half.
    pub threshold: u64,
    /// The fold version in force from the start.
    pub fold_version: u64,
    /// A name for people; two meshes may share it.
    pub name: String,
}

/// Edits of the entries touched: one list for each touch, in the same order. Authorised all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Edits for each touch.
    pub edits: Vec<Vec<Edit>>,
}

/// Gives a key verbs on a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who receives.
    pub key: PublicKey,
    /// What it may do.
    pub verbs: Verbs,
    /// Where.
    pub prefix: Prefix,
    /// For `member`: the scopes it may hold, ascending; empty means every scope under the prefix.
    pub scopes: Vec<Scope>,
    /// On what terms.
    pub terms: Terms,
}

/// A signature more under another statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approve {
    /// The scope in which the approved statement lies.
    pub scope: Scope,
    /// What is approved: a mark, which need not be held.
    pub id: StatementId,
}

/// Takes from a key what it holds by grants of greater rank, on a prefix, except what is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoke {
    /// Whose grants are struck.
    pub key: PublicKey,
    /// Where.
    pub prefix: Prefix,
    /// The latest of what the key said that stays in force, with all that it names.
    pub frontier: Frontier,
}

/// A part of a frontier that is too long for one statement. The revocation that names it as a base takes it as its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// More of the frontier.
    pub frontier: Frontier,
}

/// Ends the epoch that it names as its grant and founds the next one. What names the ended epoch stays only as far as it is
/// accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotate {
    /// The new root keys, ascending, without repetition.
    pub keys: Vec<PublicKey>,
    /// How many of them must approve a root act; more than half.
    pub threshold: u64,
    /// The latest of what the old root keys said that stays in force, with all that it names.
    pub frontier: Frontier,
}

/// What a statement says. What is no write is boxed where it is larger: a node holds few of them among very many writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Founds the mesh.
    Genesis(Box<Genesis>),
    /// Edits entries.
    Write(Write),
    /// Gives authority.
    Grant(Box<Grant>),
    /// Adds a signature.
    Approve(Box<Approve>),
    /// Takes authority away.
    Revoke(Box<Revoke>),
    /// Lengthens a revocation's frontier.
    Accept(Accept),
    /// Changes the root keys.
    Rotate(Box<Rotate>),
    /// A kind, an edit or a field that no fold version this code knows defines: stored, forwarded, void as unknown.
    Unknown {
        /// The kind's number.
        kind: u64,
        /// The body as it came.
        item: Box<Item>,
    },
}

/// From what a kind says to the body that says it.
macro_rules! bodies {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Body {
            fn from(said: $kind) -> Self {
                // Into itself, or into a box.
                Self::$kind(said.into())
            }
        })*
    };
}

bodies!(Genesis, Write, Grant, Approve, Revoke, Accept, Rotate);

const GENESIS: u64 = 0;
const WRITE: u64 = 1;
const GRANT: u64 = 2;
const APPROVE: u64 = 3;
const REVOKE: u64 = 4;
const ACCEPT: u64 = 5;
const ROTATE: u64 = 6;

impl Body {
    /// The number of the kind.
    pub fn kind(&self) -> u64 {
        match self {
            Self::Genesis(_) => GENESIS,
            Self::Write(_) => WRITE,
            Self::Grant(_) => GRANT,
            Self::Approve(_) => APPROVE,
            Self::Revoke(_) => REVOKE,
            Self::Accept(_) => ACCEPT,
            Self::Rotate(_) => ROTATE,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// Whether the kind belongs in `@mesh`, also when this version does not know all of its fields.
    pub fn is_trust(&self) -> bool {
        matches!(self.kind(), GENESIS | GRANT | APPROVE | REVOKE | ACCEPT | ROTATE)
    }

    /// The words of all kinds, as [`Body::word`] gives them.
    pub const WORDS: [&str; 8] = ["genesis", "write", "grant", "approve", "revoke", "accept", "rotate", "unknown"];

    /// The word for the kind, as logs and documents use it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Genesis(_) => "genesis",
            Self::Write(_) => "write",
            Self::Grant(_) => "grant",
            Self::Approve(_) => "approve",
            Self::Revoke(_) => "revoke",
            Self::Accept(_) => "accept",
            Self::Rotate(_) => "rotate",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The body as a CBOR item.
    pub fn to_item(&self) -> Item {
        match self {
            Self::Genesis(genesis) => numbered(vec![
                Item::Array(genesis.keys.iter().map(|key| Item::bytes(key.as_bytes())).collect()),
                Item::uint(genesis.threshold),
                Item::uint(genesis.fold_version),
                Item::text(&genesis.name),
            ]),
            Self::Write(write) => Item::Array(
                write.edits.iter().map(|edits| Item::Array(edits.iter().map(Edit::to_item).collect())).collect(),
            ),
            Self::Grant(grant) => grant_item(grant),
            Self::Approve(approve) => {
                numbered(vec![Item::text(approve.scope.as_str()), Item::bytes(approve.id.as_bytes())])
            }
            Self::Revoke(revoke) => numbered(vec![
                Item::bytes(revoke.key.as_bytes()),
                Item::text(revoke.prefix.as_str()),
                revoke.frontier.to_item(),
            ]),
            Self::Accept(accept) => numbered(vec![accept.frontier.to_item()]),
            Self::Rotate(rotate) => numbered(vec![
                Item::Array(rotate.keys.iter().map(|key| Item::bytes(key.as_bytes())).collect()),
                Item::uint(rotate.threshold),
                rotate.frontier.to_item(),
            ]),
            Self::Unknown { item, .. } => (**item).clone(),
        }
    }

    /// Reads the body of a kind. `touches` is how many entries the envelope names.
    pub fn from_item(kind: u64, item: &Item, touches: usize) -> Result<Self, Invalid> {
        let known = match kind {
            GENESIS => read_genesis(item)?.map(Self::from),
            WRITE => read_write(item, touches)?.map(Self::Write),
            GRANT => read_grant(item)?.map(Self::from),
            APPROVE => read_approve(item)?.map(Self::from),
            REVOKE => read_revoke(item)?.map(Self::from),
            ACCEPT => read_accept(item)?.map(Self::Accept),
            ROTATE => read_rotate(item)?.map(Self::from),
            _ => None,
        };
        Ok(known.unwrap_or_else(|| Self::Unknown { kind, item: Box::new(item.clone()) }))
    }
}

fn grant_item(grant: &Grant) -> Item {
    let mut fields = vec![
        (0u64, Item::bytes(grant.key.as_bytes())),
        (1, Item::Array(grant.verbs.iter().map(|verb| Item::uint(verb.code())).collect())),
        (2, Item::text(grant.prefix.as_str())),
        (3, Item::Array(grant.scopes.iter().map(|scope| Item::text(scope.as_str())).collect())),
    ];
    fields.extend(grant.terms.to_fields());
    Item::Map(fields.into_iter().map(|(key, item)| (Item::uint(key), item)).collect())
}

fn numbered(items: Vec<Item>) -> Item {
    Item::Map(items.into_iter().zip(0u64..).map(|(item, key)| (Item::uint(key), item)).collect())
}

/// The fields 0, 1, … n−1 of a map, in order, and whether there are further ones that nobody here knows. The known ones
/// are checked all the same, so that every version refuses the same bytes.
fn fields<'a, const N: usize>(item: &'a Item, what: &'static str) -> Result<([&'a Item; N], bool), Invalid> {
    let Item::Map(entries) = item else { return Err(Invalid::Field(what)) };
    if entries.iter().any(|(key, _)| key.as_u64().is_none()) {
        return Err(Invalid::Field(what));
    }
    let known: Vec<&Item> = (0..N as u64)
        .map_while(|key| entries.iter().find(|(found, _)| found.as_u64() == Some(key)).map(|(_, item)| item))
        .collect();
    let known: [&Item; N] = known.try_into().map_err(|_| Invalid::Field(what))?;
    Ok((known, entries.len() > N))
}

pub(crate) fn ascending<T: Ord>(list: &[T], what: &'static str) -> Result<(), Invalid> {
    if list.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(Invalid::NotAscending(what)) }
}

pub(crate) fn read_key(item: &Item, what: &'static str) -> Result<PublicKey, Invalid> {
    let key = PublicKey(item.as_32().ok_or(Invalid::Field(what))?);
    if crate::sign::is_sound(&key) { Ok(key) } else { Err(Invalid::WeakKey(key)) }
}

pub(crate) fn read_list<T>(
    item: &Item,
    what: &'static str,
    max: usize,
    read: impl Fn(&Item) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let items = item.as_array().ok_or(Invalid::Field(what))?;
    if items.len() > max {
        return Err(Invalid::TooMany { what, max, got: items.len() });
    }
    items.iter().map(read).collect()
}

/// The keys of an epoch and their threshold: more than half of them.
fn read_epoch(keys: &Item, threshold: &Item) -> Result<(Vec<PublicKey>, u64), Invalid> {
    let keys = read_list(keys, "root keys", limits::ROOT_KEYS, |key| read_key(key, "root key"))?;
    ascending(&keys, "root keys")?;
    let threshold = threshold.as_u64().ok_or(Invalid::Field("threshold"))?;
    let count = keys.len() as u64;
    if threshold > count || threshold.saturating_mul(2) <= count {
        return Err(Invalid::Threshold { threshold, keys: count });
    }
    Ok((keys, threshold))
}

fn read_rotate(item: &Item) -> Result<Option<Rotate>, Invalid> {
    let ([keys, threshold, frontier], more) = fields::<3>(item, "rotate")?;
    let (keys, threshold) = read_epoch(keys, threshold)?;
    let frontier = Frontier::from_item(frontier)?;
    Ok((!more).then_some(Rotate { keys, threshold, frontier }))
}

fn read_genesis(item: &Item) -> Result<Option<Genesis>, Invalid> {
    let ([keys, threshold, fold_version, name], more) = fields::<4>(item, "genesis")?;
    let (keys, threshold) = read_epoch(keys, threshold)?;
    let fold_version = fold_version.as_u64().ok_or(Invalid::Field("genesis: fold version"))?;
    let name = name.as_text().ok_or(Invalid::Field("genesis: name"))?;
    if name.len() > limits::MESH_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(Invalid::Field("genesis: name"));
    }
    Ok((!more).then(|| Genesis { keys, threshold, fold_version, name: name.to_owned() }))
}

fn read_write(item: &Item, touches: usize) -> Result<Option<Write>, Invalid> {
    let lists = item.as_array().ok_or(Invalid::Field("write"))?;
    if lists.len() != touches {
        return Err(Invalid::EditsAndTouches { edits: lists.len(), touches });
    }
    let mut total = 0usize;
    let mut known = true;
    let mut edits = Vec::with_capacity(lists.len());
    for list in lists {
        let list = list.as_array().ok_or(Invalid::Field("write: edits of an entry"))?;
        total += list.len();
        if list.is_empty() {
            return Err(Invalid::Empty("the edits of an entry touched"));
        }
        if total > limits::EDITS {
            return Err(Invalid::TooMany { what: "edits", max: limits::EDITS, got: total });
        }
        let read: Vec<Option<Edit>> = list.iter().map(Edit::from_item).collect::<Result<_, _>>()?;
        known &= read.iter().all(Option::is_some);
        let mut read: Vec<Edit> = read.into_iter().flatten().collect();
        // What is decoded stays in memory for as long as the node holds the statement.
        read.shrink_to_fit();
        edits.push(read);
    }
    Ok(known.then_some(Write { edits }))
}

fn read_grant(item: &Item) -> Result<Option<Grant>, Invalid> {
    let ([key, verbs, prefix, scopes], _) = fields::<4>(item, "grant")?;
    let is_known = |number: u64| number < 4 || Terms::is_field(number);
    let more = matches!(item, Item::Map(entries) if entries.iter().any(|(key, _)| !key.as_u64().is_some_and(is_known)));
    let key = read_key(key, "grant: key")?;
    let codes = read_list(verbs, "verbs", 64, |verb| verb.as_u64().ok_or(Invalid::Field("grant: verb")))?;
    ascending(&codes, "verbs")?;
    if codes.is_empty() {
        return Err(Invalid::Empty("verbs of a grant"));
    }
    let verbs: Verbs = Verb::ALL.into_iter().filter(|verb| codes.contains(&verb.code())).collect();
    let known = !more && verbs.len() == codes.len();
    let prefix = prefix.as_text().ok_or(Invalid::Field("grant: prefix"))?.parse().map_err(Invalid::Path)?;
    let scopes = read_list(scopes, "scopes", limits::GRANT_SCOPES, |scope| {
        Scope::parse(scope.as_text().ok_or(Invalid::Field("grant: scope"))?).map_err(Invalid::Path)
    })?;
    ascending(&scopes, "scopes")?;
    let terms = Terms::from_body(item)?.filter(|_| known);
    Ok(terms.map(|terms| Grant { key, verbs, prefix, scopes, terms }))
}

fn read_approve(item: &Item) -> Result<Option<Approve>, Invalid> {
    let ([scope, id], more) = fields::<2>(item, "approve")?;
    let scope = Scope::parse(scope.as_text().ok_or(Invalid::Field("approve: scope"))?).map_err(Invalid::Path)?;
    let id = StatementId(id.as_32().ok_or(Invalid::Field("approve: id"))?);
    Ok((!more).then_some(Approve { scope, id }))
}

fn read_revoke(item: &Item) -> Result<Option<Revoke>, Invalid> {
    let ([key, prefix, frontier], more) = fields::<3>(item, "revoke")?;
    let key = read_key(key, "revoke: key")?;
    let prefix = prefix.as_text().ok_or(Invalid::Field("revoke: prefix"))?.parse().map_err(Invalid::Path)?;
    let frontier = Frontier::from_item(frontier)?;
    Ok((!more).then_some(Revoke { key, prefix, frontier }))
}

fn read_accept(item: &Item) -> Result<Option<Accept>, Invalid> {
    let ([frontier], more) = fields::<1>(item, "accept")?;
    let frontier = Frontier::from_item(frontier)?;
    if frontier.is_empty() {
        return Err(Invalid::Empty("scopes of an accept"));
    }
    Ok((!more).then_some(Accept { frontier }))
}
