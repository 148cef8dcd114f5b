//! The terms of a grant, all of them optional: approvals that it demands, the time after which nothing can be said on it, labels
//! for a node. What they do is in `docs/trust.md`; here is what makes them well-formed.

use std::collections::{BTreeMap, BTreeSet};

use crate::body::{ascending, read_key, read_list};
use crate::codec::Item;
use crate::edit::Op;
use crate::id::PublicKey;
use crate::limits;
use crate::statement::Invalid;
use crate::{Edit, Write};

/// Labels of a node: `region`, `zone`, `role` and whatever else.
pub type Labels = BTreeMap<String, String>;

/// On what terms a grant is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Approvals that writes need.
    pub demands: Demands,
    /// The latest time that a statement on the grant may claim, Unix milliseconds.
    pub not_after_ms: Option<u64>,
    /// With `member`: labels of the node.
    pub labels: Labels,
}

/// Approvals that writes need, by what they are demanded for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demands {
    /// For every write.
    pub writes: Option<Demand>,
    /// For writes that delete something.
    pub deletes: Option<Demand>,
}

/// How many of which keys must approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// How many; at least one, at most as many as there are keys.
    pub approvals: u64,
    /// Of these keys. The author of the write is never counted.
    pub of: BTreeSet<PublicKey>,
}

impl Demands {
    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.writes.is_none() && self.deletes.is_none()
    }

    /// What is demanded for a write.
    pub fn of(&self, write: &Write) -> impl Iterator<Item = &Demand> {
        let deletes = self.deletes.as_ref().filter(|_| write.deletes());
        self.writes.iter().chain(deletes)
    }
}

impl Write {
    /// Whether any of its edits deletes something.
    pub fn deletes(&self) -> bool {
        self.edits.iter().flatten().any(|edit: &Edit| matches!(edit.op, Op::Delete))
    }
}

const DEMANDS: u64 = 4;
const NOT_AFTER: u64 = 5;
const LABELS: u64 = 6;

impl Terms {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fields of a grant's body that hold them.
    pub(crate) fn to_fields(&self) -> Vec<(u64, Item)> {
        let mut fields = Vec::new();
        if !self.demands.is_empty() {
            let demands = [(0u64, &self.demands.writes), (1, &self.demands.deletes)];
            let demands = demands.into_iter().filter_map(|(key, demand)| Some((key, demand.as_ref()?.to_item())));
            fields.push((DEMANDS, Item::Map(demands.map(|(key, demand)| (Item::uint(key), demand)).collect())));
        }
        if let Some(not_after_ms) = self.not_after_ms {
            fields.push((NOT_AFTER, Item::uint(not_after_ms)));
        }
        if !self.labels.is_empty() {
            let mut labels: Vec<_> = self.labels.iter().collect();
            // A map's keys stand in the order of their encodings: shorter ones first.
            labels.sort_by_key(|(name, _)| (name.len(), *name));
            let labels = labels.into_iter().map(|(name, value)| (Item::text(name), Item::text(value)));
            fields.push((LABELS, Item::Map(labels.collect())));
        }
        fields
    }

    /// Reads them from a grant's body. `Ok(None)`: they have a part that this format version does not
    /// know. Other fields are not looked at.
    pub(crate) fn from_body(item: &Item) -> Result<Option<Self>, Invalid> {
        let mut terms = Self::default();
        let mut known = true;
        let Item::Map(entries) = item else { return Err(Invalid::Field("grant")) };
        for (key, item) in entries {
            match key.as_u64() {
                Some(DEMANDS) => match read_demands(item)? {
                    Some(demands) => terms.demands = demands,
                    None => known = false,
                },
                Some(NOT_AFTER) => {
                    terms.not_after_ms = Some(item.as_u64().ok_or(Invalid::Field("grant: not after"))?);
                }
                Some(LABELS) => terms.labels = read_labels(item)?,
                _ => {}
            }
        }
        Ok(known.then_some(terms))
    }

    /// The numbers of the fields that hold them.
    pub(crate) fn is_field(number: u64) -> bool {
        matches!(number, DEMANDS | NOT_AFTER | LABELS)
    }
}

impl Demand {
    fn to_item(&self) -> Item {
        let keys = self.of.iter().map(|key| Item::bytes(key.as_bytes())).collect();
        Item::Array(vec![Item::uint(self.approvals), Item::Array(keys)])
    }

    fn from_item(item: &Item) -> Result<Self, Invalid> {
        let Some([approvals, keys]) = item.as_array() else { return Err(Invalid::Field("grant: demand")) };
        let keys = read_list(keys, "keys that approve", limits::APPROVERS, |key| read_key(key, "grant: demand: key"))?;
        ascending(&keys, "keys that approve")?;
        let approvals = approvals.as_u64().ok_or(Invalid::Field("grant: demand: approvals"))?;
        if approvals == 0 || approvals > keys.len() as u64 {
            return Err(Invalid::Approvals { approvals, keys: keys.len() });
        }
        Ok(Self { approvals, of: keys.into_iter().collect() })
    }
}

fn read_demands(item: &Item) -> Result<Option<Demands>, Invalid> {
    let Item::Map(entries) = item else { return Err(Invalid::Field("grant: demands")) };
    if entries.is_empty() {
        return Err(Invalid::Empty("demands of a grant"));
    }
    let mut demands = Demands::default();
    let mut known = true;
    for (key, item) in entries {
        match key.as_u64().ok_or(Invalid::Field("grant: demands"))? {
            0 => demands.writes = Some(Demand::from_item(item)?),
            1 => demands.deletes = Some(Demand::from_item(item)?),
            _ => known = false,
        }
    }
    Ok(known.then_some(demands))
}

fn read_labels(item: &Item) -> Result<Labels, Invalid> {
    let Item::Map(entries) = item else { return Err(Invalid::Field("grant: labels")) };
    if entries.is_empty() {
        return Err(Invalid::Empty("labels of a grant"));
    }
    if entries.len() > limits::LABELS {
        return Err(Invalid::TooMany { what: "labels", max: limits::LABELS, got: entries.len() });
    }
    let read = |(name, value): &(Item, Item)| {
        let name = name.as_text().filter(|name| is_label(name, false)).ok_or(Invalid::Field("grant: label"))?;
        let value = value.as_text().filter(|value| is_label(value, true)).ok_or(Invalid::Field("grant: label"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    entries.iter().map(read).collect()
}

/// Whether a text may be a label's name, or its value, which may have capitals too.
pub fn is_label(text: &str, value: bool) -> bool {
    let allowed = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => true,
        b'A'..=b'Z' => value,
        _ => false,
    };
    (1..=limits::LABEL_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}
