//! The statement: an envelope readable in every version, a body, and the pure rules that make one valid.

use std::ops::Deref;
use std::sync::Arc;

use crate::body::Body;
use crate::codec::{self, BadCbor, Item};
use crate::hlc::Hlc;
use crate::id::{MeshId, PublicKey, StatementId};
use crate::limits;
use crate::path::{BadPath, Path, Scope};
use crate::value::BadValue;

/// Why bytes are no valid statement. Validity depends on the bytes and on what they name, on nothing else.
/// A statement refused with one of these was neither stored nor forwarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Larger than allowed.
    #[error("statement: at most {max} bytes, got {got}; split it", max = limits::STATEMENT_BYTES)]
    TooLarge {
        /// Bytes given.
        got: usize,
    },
    /// Not canonical CBOR.
    #[error("statement: {0}")]
    Cbor(#[from] BadCbor),
    /// A format version that this code does not read.
    #[error("statement: version {0} is not known here (this node reads version 1); upgrade the node")]
    Version(u64),
    /// A field is missing or has the wrong shape.
    #[error("{0}: missing, or not of the form that docs/statement.md gives")]
    Field(&'static str),
    /// A list is too long.
    #[error("{what}: at most {max}, got {got}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
        /// The length given.
        got: usize,
    },
    /// A list that must not be empty is.
    #[error("{0}: at least one is needed")]
    Empty(&'static str),
    /// A list that must be strictly ascending is not.
    #[error("{0}: must be in ascending order without repetition")]
    NotAscending(&'static str),
    /// A path, prefix or scope breaks the rules.
    #[error("path: {0}")]
    Path(#[from] BadPath),
    /// A value breaks the rules.
    #[error("value: {0}")]
    Value(#[from] BadValue),
    /// A counter's start or step is too large.
    #[error("{what}: magnitude at most {max}")]
    Counter {
        /// Which.
        what: &'static str,
        /// The limit.
        max: i64,
    },
    /// A root threshold that is not a majority.
    #[error("threshold: {threshold} of {keys} root keys is not a majority of them")]
    Threshold {
        /// Given threshold.
        threshold: u64,
        /// Number of root keys.
        keys: u64,
    },
    /// A demand that is empty or that nobody could meet.
    #[error("demand: {approvals} approvals of {keys} keys; at least one, at most as many as there are keys")]
    Approvals {
        /// Demanded.
        approvals: u64,
        /// Keys listed.
        keys: usize,
    },
    /// The number of edit lists differs from the number of entries touched.
    #[error("write: {edits} lists of edits for {touches} entries touched; give one list for each")]
    EditsAndTouches {
        /// Lists of edits.
        edits: usize,
        /// Entries touched.
        touches: usize,
    },
    /// A touched path lies in another scope than the statement.
    #[error("path {path}: lies outside the statement's scope {scope}")]
    OutsideScope {
        /// The path.
        path: Path,
        /// The scope.
        scope: Scope,
    },
    /// A trust body outside `@mesh`, or genesis elsewhere.
    #[error("scope: a {0} belongs in @mesh")]
    NotInMesh(&'static str),
    /// A key of small order, or not a canonical point: `verify_strict` would refuse all of its signatures.
    #[error("key {0}: not a sound Ed25519 public key")]
    WeakKey(PublicKey),
    /// The signature does not belong to these bytes and this author.
    #[error("signature: does not verify for author {0}")]
    Signature(PublicKey),
    /// Signed bytes too short to hold a signature.
    #[error("statement: shorter than its signature")]
    Short,
    /// Made for another mesh.
    #[error("mesh: the statement belongs to mesh {got}, this is {want}")]
    Mesh {
        /// The statement's mesh.
        got: MeshId,
        /// The mesh of this node.
        want: MeshId,
    },
    /// A genesis that names something, or a statement that is no genesis and claims its mesh.
    #[error("genesis: must name nothing, touch nothing and carry the unfounded mesh id")]
    Genesis,
    /// Not later than something it names.
    #[error("hlc: {own} is not later than {named} of statement {id}, which it names")]
    NotLater {
        /// Its own time.
        own: Hlc,
        /// The named statement's time.
        named: Hlc,
        /// The named statement.
        id: StatementId,
    },
    /// `prev` names a statement of another author or scope, a base one of another scope or (in a write) one that does not
    /// touch the entry, or the grant one outside `@mesh`.
    #[error("{field}: statement {id} is not one that this field may name")]
    Named {
        /// `prev`, `base` or `grant`.
        field: &'static str,
        /// The named statement.
        id: StatementId,
    },
}

impl Invalid {
    /// A stable code for problem types, metrics and test vectors.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Cbor(bad) => bad.word(),
            Self::Version(_) => "unknown_version",
            Self::Field(_) => "bad_field",
            Self::TooMany { .. } => "too_many",
            Self::Empty(_) => "empty",
            Self::NotAscending(_) => "not_ascending",
            Self::Path(bad) => bad.word(),
            Self::Value(bad) => bad.word(),
            Self::Counter { .. } => "counter_range",
            Self::Threshold { .. } => "threshold",
            Self::Approvals { .. } => "approvals",
            Self::EditsAndTouches { .. } => "edits_and_touches",
            Self::OutsideScope { .. } => "outside_scope",
            Self::NotInMesh(_) => "not_in_mesh",
            Self::WeakKey(_) => "weak_key",
            Self::Signature(_) => "signature",
            Self::Short => "short",
            Self::Mesh { .. } => "other_mesh",
            Self::Genesis => "genesis",
            Self::NotLater { .. } => "not_later",
            Self::Named { .. } => "wrong_name",
        }
    }
}

/// An entry that a statement touches, with the merged heads its author saw there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The entry.
    pub path: Path,
    /// The heads seen, ascending.
    pub bases: Vec<StatementId>,
}

/// Why a change was made: for people and for tracing. At most 1 KiB. Most statements have none; that takes no more room than a pointer.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(from = "Why", into = "Why")]
pub struct Note(Option<Box<Why>>);

/// The texts of a note.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Why {
    /// A reason in words; empty when not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A ticket; empty when not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ticket: String,
    /// A W3C `traceparent`; empty when not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub traceparent: String,
}

impl Why {
    /// Bytes of the texts together.
    pub fn bytes(&self) -> usize {
        self.reason.len() + self.ticket.len() + self.traceparent.len()
    }
}

impl From<Why> for Note {
    fn from(why: Why) -> Self {
        Self((why.bytes() > 0).then(|| Box::new(why)))
    }
}

impl From<Note> for Why {
    fn from(note: Note) -> Self {
        note.0.map(|why| *why).unwrap_or_default()
    }
}

impl Deref for Note {
    type Target = Why;

    fn deref(&self) -> &Why {
        static NOTHING: Why = Why { reason: String::new(), ticket: String::new(), traceparent: String::new() };
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl Note {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn to_item(&self) -> Item {
        let fields = [(0u64, &self.reason), (1, &self.ticket), (2, &self.traceparent)];
        Item::Map(
            fields
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(key, text)| (Item::uint(key), Item::text(text)))
                .collect(),
        )
    }

    /// `Ok(None)`: it has a field that this version does not know.
    fn from_item(item: &Item) -> Result<Option<Self>, Invalid> {
        let Item::Map(entries) = item else { return Err(Invalid::Field("note")) };
        let mut why = Why::default();
        let mut known = true;
        for (key, item) in entries {
            let slot = match key.as_u64().ok_or(Invalid::Field("note: field number"))? {
                0 => &mut why.reason,
                1 => &mut why.ticket,
                2 => &mut why.traceparent,
                _ => {
                    known = false;
                    continue;
                }
            };
            let text = item.as_text().filter(|text| !text.is_empty()).ok_or(Invalid::Field("note: text"))?;
            text.clone_into(slot);
        }
        if entries.is_empty() {
            return Err(Invalid::Empty("fields of a note"));
        }
        if why.bytes() > limits::NOTE_BYTES {
            return Err(Invalid::TooMany { what: "bytes of a note", max: limits::NOTE_BYTES, got: why.bytes() });
        }
        Ok(known.then(|| why.into()))
    }
}

/// An unsigned statement: what an author says, and what its id is the hash of.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The mesh it belongs to; all zero in genesis.
    pub mesh: MeshId,
    /// Where it is replicated.
    pub scope: Scope,
    /// Who signs.
    pub author: PublicKey,
    /// The grant relied on; for a root act its epoch; all zero in genesis.
    pub grant: StatementId,
    /// The author's own heads that it knew in this scope, ascending.
    pub prev: Vec<StatementId>,
    /// The entries touched, ascending by path.
    pub touches: Vec<Touch>,
    /// When, in hybrid logical time.
    pub hlc: Hlc,
    /// What.
    pub body: Body,
    /// Why.
    pub note: Note,
    /// Envelope fields that this version does not know, kept as they came; they make the statement void as unknown.
    /// A note with such a field inside is kept here whole, and `note` is empty.
    pub unknown: Vec<(u64, Item)>,
}

const VERSION: u64 = 0;
const MESH: u64 = 1;
const SCOPE: u64 = 2;
const AUTHOR: u64 = 3;
const GRANT: u64 = 4;
const PREV: u64 = 5;
const TOUCHES: u64 = 6;
const HLC: u64 = 7;
const KIND: u64 = 8;
const BODY: u64 = 9;
const NOTE: u64 = 10;

fn ids(list: &[StatementId]) -> Item {
    Item::Array(list.iter().map(|id| Item::bytes(id.as_bytes())).collect())
}

fn read_ids(item: &Item, what: &'static str, max: usize) -> Result<Vec<StatementId>, Invalid> {
    let items = item.as_array().ok_or(Invalid::Field(what))?;
    if items.len() > max {
        return Err(Invalid::TooMany { what, max, got: items.len() });
    }
    let mut list: Vec<StatementId> =
        items.iter().map(|id| id.as_32().map(StatementId)).collect::<Option<_>>().ok_or(Invalid::Field(what))?;
    list.shrink_to_fit();
    if list.is_sorted_by(|a, b| a < b) { Ok(list) } else { Err(Invalid::NotAscending(what)) }
}

fn read_touch(item: &Item) -> Result<Touch, Invalid> {
    let Some([path, bases]) = item.as_array() else { return Err(Invalid::Field("touches")) };
    let path = Path::parse(path.as_text().ok_or(Invalid::Field("touches: path"))?)?;
    Ok(Touch { path, bases: read_ids(bases, "bases", limits::BASES)? })
}

fn read_touches(item: &Item) -> Result<Vec<Touch>, Invalid> {
    let items = item.as_array().ok_or(Invalid::Field("touches"))?;
    if items.len() > limits::TOUCHES {
        return Err(Invalid::TooMany { what: "entries touched", max: limits::TOUCHES, got: items.len() });
    }
    let mut touches: Vec<Touch> = items.iter().map(read_touch).collect::<Result<_, _>>()?;
    touches.shrink_to_fit();
    if touches.is_sorted_by(|a, b| a.path < b.path) {
        Ok(touches)
    } else {
        Err(Invalid::NotAscending("entries touched"))
    }
}

/// Takes known fields out of the envelope's map; what is left over is unknown.
struct Fields(Vec<(u64, Item)>);

impl Fields {
    fn of(item: Item) -> Result<Self, Invalid> {
        let Item::Map(entries) = item else { return Err(Invalid::Field("statement")) };
        let entries: Option<Vec<_>> = entries.into_iter().map(|(key, item)| Some((key.as_u64()?, item))).collect();
        entries.map(Self).ok_or(Invalid::Field("statement: field number"))
    }

    fn peek(&self, number: u64) -> Option<&Item> {
        self.0.iter().find(|(key, _)| *key == number).map(|(_, item)| item)
    }

    fn take(&mut self, number: u64) -> Option<Item> {
        let at = self.0.iter().position(|(key, _)| *key == number)?;
        Some(self.0.remove(at).1)
    }

    /// What nobody took. Almost always nothing, and then without the room that the known ones had.
    fn rest(mut self) -> Vec<(u64, Item)> {
        self.0.shrink_to_fit();
        self.0
    }

    fn need(&mut self, number: u64, what: &'static str) -> Result<Item, Invalid> {
        self.take(number).ok_or(Invalid::Field(what))
    }

    fn need_32(&mut self, number: u64, what: &'static str) -> Result<[u8; 32], Invalid> {
        self.need(number, what)?.as_32().ok_or(Invalid::Field(what))
    }

    fn need_u64(&mut self, number: u64, what: &'static str) -> Result<u64, Invalid> {
        self.need(number, what)?.as_u64().ok_or(Invalid::Field(what))
    }
}

impl Statement {
    /// The canonical bytes, which the id names and the signature covers.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.write(&mut out);
        out
    }

    /// The same, behind what is there.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let touches = self
            .touches
            .iter()
            .map(|touch| Item::Array(vec![Item::text(touch.path.as_str()), ids(&touch.bases)]))
            .collect();
        let mut entries = vec![
            (VERSION, Item::uint(limits::FORMAT_VERSION)),
            (MESH, Item::bytes(self.mesh.as_bytes())),
            (SCOPE, Item::text(self.scope.as_str())),
            (AUTHOR, Item::bytes(self.author.as_bytes())),
            (GRANT, Item::bytes(self.grant.as_bytes())),
            (PREV, ids(&self.prev)),
            (TOUCHES, Item::Array(touches)),
            (HLC, Item::uint(self.hlc.0)),
            (KIND, Item::uint(self.body.kind())),
            (BODY, self.body.to_item()),
        ];
        if !self.note.is_empty() {
            entries.push((NOTE, self.note.to_item()));
        }
        entries.extend(self.unknown.iter().cloned());
        codec::write(out, &Item::Map(entries.into_iter().map(|(key, item)| (Item::uint(key), item)).collect()));
    }

    /// Reads canonical bytes: the exact inverse of [`Statement::encode`], and every rule that needs nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Invalid> {
        if bytes.len() > limits::STATEMENT_BYTES {
            return Err(Invalid::TooLarge { got: bytes.len() });
        }
        let mut fields = Fields::of(codec::decode_any(bytes)?)?;
        let version = fields.need_u64(VERSION, "version")?;
        if version != limits::FORMAT_VERSION {
            return Err(Invalid::Version(version));
        }
        let touches = read_touches(&fields.need(TOUCHES, "touches")?)?;
        let kind = fields.need_u64(KIND, "kind")?;
        let note = fields.peek(NOTE).map(Note::from_item).transpose()?.flatten();
        if note.is_some() {
            fields.take(NOTE);
        }
        let statement = Self {
            mesh: MeshId(fields.need_32(MESH, "mesh")?),
            scope: Scope::parse(fields.need(SCOPE, "scope")?.as_text().ok_or(Invalid::Field("scope"))?)?,
            author: PublicKey(fields.need_32(AUTHOR, "author")?),
            grant: StatementId(fields.need_32(GRANT, "grant")?),
            prev: read_ids(&fields.need(PREV, "prev")?, "prev", limits::PREV)?,
            hlc: Hlc(fields.need_u64(HLC, "hlc")?),
            body: Body::from_item(kind, &fields.need(BODY, "body")?, touches.len())?,
            note: note.unwrap_or_default(),
            touches,
            unknown: fields.rest(),
        };
        // What is kept of it is what it says, so that must give the same bytes again.
        if statement.encode() != bytes {
            return Err(BadCbor::NotCanonical.into());
        }
        statement.check()?;
        Ok(statement)
    }

    /// The rules between fields.
    fn check(&self) -> Result<(), Invalid> {
        for touch in &self.touches {
            if touch.path.as_str().split('/').next() != Some(self.scope.as_str()) {
                return Err(Invalid::OutsideScope { path: touch.path.clone(), scope: self.scope.clone() });
            }
        }
        let genesis = matches!(self.body, Body::Genesis(_));
        let founds_nothing = self.mesh != MeshId::UNFOUNDED && self.grant != StatementId::NONE;
        let names_nothing = self.mesh == MeshId::UNFOUNDED
            && self.grant == StatementId::NONE
            && self.prev.is_empty()
            && self.touches.is_empty()
            && self.unknown.is_empty();
        match &self.body {
            Body::Genesis(_) if !names_nothing => Err(Invalid::Genesis),
            _ if !genesis && !founds_nothing => Err(Invalid::Genesis),
            Body::Genesis(genesis) if !genesis.keys.contains(&self.author) => Err(Invalid::Genesis),
            body if body.is_trust() && !self.scope.is_mesh() => Err(Invalid::NotInMesh(body.word())),
            Body::Write(_) if self.touches.is_empty() => Err(Invalid::Empty("entries touched")),
            _ => Ok(()),
        }
    }

    /// Whether some part of it is unknown to this format version: such a statement is kept, and void as unknown.
    pub fn is_unknown(&self) -> bool {
        !self.unknown.is_empty() || matches!(self.body, Body::Unknown { .. })
    }

    /// Everything it names: grant, `prev` and bases, ascending, without repetition. Its time must be later than theirs.
    pub fn names(&self) -> Vec<StatementId> {
        let mut names: Vec<StatementId> = self.each_name().copied().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The same as it stands, some perhaps more than once: for who looks at very many statements.
    pub fn each_name(&self) -> impl Iterator<Item = &StatementId> {
        let elsewhere = Some(&self.grant).filter(|grant| !self.scope.is_mesh() && **grant != StatementId::NONE);
        self.each_name_in_scope().chain(elsewhere)
    }

    /// Of these, what can only lie in its own scope: all but the grant outside of `@mesh`.
    pub fn each_name_in_scope(&self) -> impl Iterator<Item = &StatementId> {
        let bases = self.touches.iter().flat_map(|touch| &touch.bases);
        let grant = Some(&self.grant).filter(|grant| self.scope.is_mesh() && **grant != StatementId::NONE);
        self.prev.iter().chain(bases).chain(grant)
    }

    /// The bases of an entry, when the statement touches it.
    pub fn bases_of(&self, path: &Path) -> Option<&[StatementId]> {
        self.touches.iter().find(|touch| touch.path == *path).map(|touch| touch.bases.as_slice())
    }

    /// The mesh that the statement belongs to: for genesis, the one it founds.
    pub fn belongs_to(&self, id: StatementId) -> MeshId {
        match self.body {
            Body::Genesis(_) => MeshId::from(id),
            _ => self.mesh,
        }
    }

    /// The rule about what it names, once that is held: checks one named statement.
    pub fn check_named(&self, id: StatementId, named: &Statement) -> Result<(), Invalid> {
        if named.hlc >= self.hlc {
            return Err(Invalid::NotLater { own: self.hlc, named: named.hlc, id });
        }
        if self.prev.contains(&id) && (named.author != self.author || named.scope != self.scope) {
            return Err(Invalid::Named { field: "prev", id });
        }
        let based = self.touches.iter().filter(|touch| touch.bases.contains(&id));
        for touch in based {
            let foreign = matches!(self.body, Body::Write(_)) && named.bases_of(&touch.path).is_none();
            if foreign || named.scope != self.scope {
                return Err(Invalid::Named { field: "base", id });
            }
        }
        if self.grant == id && !named.scope.is_mesh() {
            return Err(Invalid::Named { field: "grant", id });
        }
        Ok(())
    }
}

/// Canonical bytes shared between the places that hold them.
pub type Bytes = Arc<[u8]>;
