//! `role`: named sets of verbs and terms. A role is an entry of `@mesh`, so it replicates, is authorised and audited like any
//! other; it gives nothing by itself, `grant --role` makes a grant of it.

use std::collections::BTreeSet;

use driftless_client::clock;
use driftless_client::offline::Need;
use driftless_client::sign::{self, Desired};
use driftless_statement::{Demand, Demands, Labels, Path, Prefix, PublicKey, Scope, Terms, Value, Verbs, json};
use serde::{Deserialize, Serialize};

use super::set::sign_and_send;
use crate::args::{RoleCommand, SigningArgs, verbs};
use crate::exit::Failure;
use crate::render;
use crate::session::Session;
use crate::source::Source;

/// Where roles lie.
const ROLES: &str = "@mesh/roles";

/// A role as its entry holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Verbs.
    pub verbs: Vec<String>,
    /// Prefix; empty: everything.
    pub prefix: String,
    /// For member: scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Approvals for every write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
    /// Approvals for writes that delete something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_approvals: Option<Approvals>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// For member: labels.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// Approvals that a role demands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// How many.
    pub need: u64,
    /// Of which keys.
    pub of: BTreeSet<PublicKey>,
}

/// A role with its name.
#[derive(Debug, Serialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// What it gives.
    #[serde(flatten)]
    pub role: Role,
}

/// What a grant made of a role gives.
pub struct Given {
    pub verbs: Verbs,
    pub prefix: Prefix,
    pub scopes: Vec<Scope>,
    pub terms: Terms,
}

pub async fn run(command: RoleCommand, session: &Session) -> Result<(), Failure> {
    match command {
        RoleCommand::List => list(session).await,
        RoleCommand::Set { name, verbs, prefix, scopes, terms, signing } => {
            let terms = terms.over(Terms::default());
            let role = Role {
                verbs: verbs.0.iter().map(|verb| verb.word().to_owned()).collect(),
                prefix: prefix.to_string(),
                scopes: scopes.iter().map(Scope::to_string).collect(),
                approvals: terms.demands.writes.map(told),
                delete_approvals: terms.demands.deletes.map(told),
                not_after: terms.not_after_ms.map(clock::rfc3339),
                labels: terms.labels,
            };
            let value = serde_json::to_vec(&role).map_err(|error| Failure::Usage(error.to_string()))?;
            let value = json::parse(&value).map_err(|error| Failure::Usage(error.to_string()))?;
            change(session, &name, Desired::Value(value), &signing).await
        }
        RoleCommand::Delete { name, signing } => change(session, &name, Desired::Absent, &signing).await,
    }
}

fn told(demand: Demand) -> Approvals {
    Approvals { need: demand.approvals, of: demand.of }
}

fn entry(name: &str) -> Result<Path, Failure> {
    let bad = |why: String| Failure::Usage(format!("role {name:?}: {why}"));
    if name.contains('/') {
        return Err(bad("a role's name is one path segment".to_owned()));
    }
    Path::parse(&format!("{ROLES}/{name}")).map_err(|error| bad(error.to_string()))
}

async fn change(session: &Session, name: &str, wanted: Desired, given: &SigningArgs) -> Result<(), Failure> {
    let path = entry(name)?;
    let (source, signer) = (session.source(given, false)?, session.signer()?);
    let merged = source.merged(&path, Some(&signer.public()), Need::Value).await?;
    if matches!(wanted, Desired::Absent) && merged.tree.is_none() {
        return Err(Failure::NotFound(format!("there is no role {name:?}; `driftless role list` shows them")));
    }
    let plan = sign::plan(&merged, &wanted)?;
    sign_and_send(session, &source, &signer, plan.into_iter().collect(), given).await
}

async fn list(session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    let under = Prefix::parse(ROLES).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut roles = Vec::new();
    for item in client.items(&under).await? {
        let name = item.path.as_str().trim_start_matches(ROLES).trim_start_matches('/').to_owned();
        match read(&item.value) {
            Ok(role) => roles.push(Named { name, role }),
            Err(reason) => session.out.say(&format!("warning: {} is no role: {reason}", item.path)),
        }
    }
    session.out.show(&roles, |paint| render::roles::list(paint, &roles))
}

fn read(value: &Value) -> Result<Role, String> {
    serde_json::from_str(&json::to_string(value)).map_err(|error| error.to_string())
}

/// What a role gives, read from the mesh.
pub async fn given(source: &Source, name: &str) -> Result<Given, Failure> {
    let path = entry(name)?;
    let absent = || Failure::NotFound(format!("there is no role {name:?}; `driftless role list` shows them"));
    let value = source.value(&path).await?.ok_or_else(absent)?;
    let bad = |reason: String| Failure::Refused(format!("{path} is no role: {reason}"));
    let role = read(&value).map_err(bad)?;
    let demand = |one: Approvals| match one.need {
        need if need == 0 || need > one.of.len() as u64 => Err(format!("{need} approvals of {} keys", one.of.len())),
        approvals => Ok(Demand { approvals, of: one.of }),
    };
    let not_after =
        |text: &String| clock::parse_rfc3339(text).ok_or_else(|| format!("not_after: {text:?} is no UTC time"));
    let scopes = role.scopes.iter().map(|scope| Scope::parse(scope)).collect::<Result<Vec<_>, _>>();
    Ok(Given {
        verbs: verbs(&role.verbs.join(",")).map_err(bad)?.0,
        prefix: Prefix::parse(&role.prefix).map_err(|error| bad(error.to_string()))?,
        scopes: scopes.map_err(|error| bad(error.to_string()))?,
        terms: Terms {
            demands: Demands {
                writes: role.approvals.map(demand).transpose().map_err(bad)?,
                deletes: role.delete_approvals.map(demand).transpose().map_err(bad)?,
            },
            not_after_ms: role.not_after.as_ref().map(not_after).transpose().map_err(bad)?,
            labels: role.labels,
        },
    })
}
