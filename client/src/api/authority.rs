//! What trust settled, in the shapes of the API: the same words whether a node tells it or an export.

use driftless_statement::{Demand, Prefix, StatementId};
use driftless_trust::{Revocation, Standing, Wanted};

use super::{DemandInfo, GrantInfo, RevocationInfo, Strike, WantedInfo};
use crate::clock::rfc3339_millis;

fn state(authorised: bool) -> String {
    if authorised { "authorised" } else { "pending" }.to_owned()
}

impl GrantInfo {
    /// A grant, with the chain above it and the revocations that strike it.
    pub fn of(standing: &Standing, chain: Vec<StatementId>, struck_by: Vec<(StatementId, Prefix)>) -> Self {
        let grant = &standing.grant;
        let demands = standing.demands.iter().flat_map(|(by, demands)| {
            let both = [("writes", &demands.writes), ("deletes", &demands.deletes)];
            both.into_iter().filter_map(|(what, one)| Some(DemandInfo::of(*by, what, one.as_ref()?)))
        });
        let strike = |(revocation, prefix): (_, Prefix)| Strike { revocation, prefix: prefix.to_string() };
        Self {
            id: standing.id,
            issuer: standing.issuer,
            key: grant.key,
            verbs: grant.verbs.iter().map(|verb| verb.word().to_owned()).collect(),
            prefix: grant.prefix.to_string(),
            scopes: grant.scopes.clone(),
            rank: standing.rank.try_into().unwrap_or(u32::MAX),
            state: state(standing.is_authorised()),
            chain,
            demands: demands.collect(),
            not_after: standing.not_after_ms.map(rfc3339_millis),
            labels: grant.terms.labels.clone(),
            struck_by: struck_by.into_iter().map(strike).collect(),
        }
    }
}

impl DemandInfo {
    fn of(demanded_by: StatementId, what: &str, one: &Demand) -> Self {
        Self { demanded_by, what: what.to_owned(), approvals: one.approvals, of: one.of.iter().copied().collect() }
    }
}

impl RevocationInfo {
    /// A revocation, with the grants that it strikes.
    pub fn of(one: &Revocation, strikes: Vec<StatementId>) -> Self {
        Self {
            id: one.id,
            issuer: one.issuer,
            key: one.key,
            prefix: one.prefix.to_string(),
            rank: one.rank.try_into().unwrap_or(u32::MAX),
            state: state(one.is_authorised()),
            accepts: one.listed.len() as u64,
            strikes,
        }
    }
}

impl WantedInfo {
    /// Signatures or approvals that are wanted.
    pub fn of(wanted: &Wanted) -> Self {
        Self {
            demanded_by: wanted.demanded_by,
            need: wanted.need,
            have: wanted.by.len() as u64,
            of: wanted.of.iter().copied().collect(),
            by: wanted.by.iter().copied().collect(),
        }
    }
}
