//! The frontier of a revocation: the latest of what a key said that stays in force, as ids by scope. All of them are
//! *marks*: they need not be held, and the rules about named statements do not look at them.

use std::collections::{BTreeMap, BTreeSet};

use crate::body::{ascending, read_list};
use crate::codec::Item;
use crate::id::StatementId;
use crate::limits;
use crate::path::Scope;
use crate::statement::Invalid;

const WHAT: &str = "frontier";

/// Ids by the scope in which to look for them. No scope is without ids, and all together are at most
/// [`limits::FRONTIER`]; a longer one is told in parts.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Frontier(BTreeMap<Scope, BTreeSet<StatementId>>);

impl Frontier {
    /// One that accepts nothing.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Adds an id.
    pub fn insert(&mut self, scope: Scope, id: StatementId) {
        self.0.entry(scope).or_default().insert(id);
    }

    /// All ids with their scopes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Scope, &StatementId)> {
        self.0.iter().flat_map(|(scope, ids)| ids.iter().map(move |id| (scope, id)))
    }

    /// The scopes in which ids are listed, ascending.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.0.keys()
    }

    /// How many ids.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Whether nothing is accepted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same in parts that fit a statement each, in order; none when nothing is accepted.
    pub fn parts(&self) -> Vec<Frontier> {
        let mut parts: Vec<Frontier> = Vec::new();
        for (at, (scope, id)) in self.iter().enumerate() {
            if at % limits::FRONTIER == 0 {
                parts.push(Self::default());
            }
            if let Some(part) = parts.last_mut() {
                part.insert(scope.clone(), *id);
            }
        }
        parts
    }

    pub(crate) fn to_item(&self) -> Item {
        let ids = |ids: &BTreeSet<StatementId>| ids.iter().map(|id| Item::bytes(id.as_bytes())).collect();
        let lists =
            self.0.iter().map(|(scope, list)| Item::Array(vec![Item::text(scope.as_str()), Item::Array(ids(list))]));
        Item::Array(lists.collect())
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, Invalid> {
        let lists = read_list(item, WHAT, limits::FRONTIER, read_scope)?;
        let scopes: Vec<&Scope> = lists.iter().map(|(scope, _)| scope).collect();
        ascending(&scopes, "scopes of a frontier")?;
        let got = lists.iter().map(|(_, ids)| ids.len()).sum();
        if got > limits::FRONTIER {
            return Err(Invalid::TooMany { what: WHAT, max: limits::FRONTIER, got });
        }
        Ok(Self(lists.into_iter().map(|(scope, ids)| (scope, ids.into_iter().collect())).collect()))
    }
}

fn read_scope(item: &Item) -> Result<(Scope, Vec<StatementId>), Invalid> {
    let Some([scope, ids]) = item.as_array() else { return Err(Invalid::Field(WHAT)) };
    let scope = Scope::parse(scope.as_text().ok_or(Invalid::Field("frontier: scope"))?).map_err(Invalid::Path)?;
    let read = |id: &Item| id.as_32().map(StatementId).ok_or(Invalid::Field("frontier: id"));
    let ids = read_list(ids, WHAT, limits::FRONTIER, read)?;
    if ids.is_empty() {
        return Err(Invalid::Empty("ids of a scope in a frontier"));
    }
    ascending(&ids, "ids of a frontier")?;
    Ok((scope, ids))
}
