//! `[access]`: roles of the local API, each read field by field, so that everything wrong is said at once. Names of users
//! and groups stay names here: which numbers they are is asked where the node runs.

use std::path::{Path, PathBuf};

use driftless_client::tokens::{self, MOST_PREFIXES, Rights};
use driftless_statement::Prefix;
use toml::{Table, Value};

use super::error::{Problem, Source};
use super::keys::{self, Key};
use super::layers::shown;
use super::parse::{self, Refused};
use super::reader::Reader;

/// Roles at most. A guess: far more kinds of services than one machine has.
const MOST_ROLES: usize = 64;
/// Users and groups that one role may name, each.
const MOST_NAMES: usize = 256;
const FIELDS: [&str; 8] = ["name", "users", "groups", "read", "write", "open", "observe", "submit"];

/// `[access]`: who may do what over the local API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Access {
    pub role: Vec<Role>,
    pub tcp_role: Option<String>,
    pub tokens_file: PathBuf,
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// By its number.
    Number(u32),
    /// By its name on this machine.
    Name(String),
}

/// One role: whom it is for and what they may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Its name, for people.
    pub name: String,
    /// Users that have it.
    pub users: Vec<Principal>,
    /// Groups whose members have it.
    pub groups: Vec<Principal>,
    /// What they may do.
    pub rights: Rights,
    /// Prefixes of secrets that they may have opened. No right that a token has: a secret is for a user of this machine.
    pub open: Vec<Prefix>,
}

/// `[access]`
pub(super) fn access(reader: &mut Reader<'_>, data_dir: &Path) -> Option<Access> {
    let tokens_file = match reader.given(keys::ACCESS_TOKENS_FILE) {
        Some(_) => reader.file(keys::ACCESS_TOKENS_FILE)?,
        None => data_dir.join("tokens.json"),
    };
    let tcp_role = reader.read(keys::ACCESS_TCP_ROLE, |value| parse::name(parse::text(value)?).map(str::to_owned));
    let role = roles(reader);
    if let Some(name) = &tcp_role
        && !role.iter().any(|role| role.name == *name)
    {
        let fix = "name one of the [[access.role]] tables, or leave the key out: then a token is needed";
        reader.conflict(keys::ACCESS_TCP_ROLE, "names no role", fix);
    }
    let idle = |role: &&Role| {
        role.users.is_empty() && role.groups.is_empty() && tcp_role.as_ref().is_none_or(|name| *name != role.name)
    };
    for role in role.iter().filter(|role| !role.open.is_empty() && role.users.is_empty() && role.groups.is_empty()) {
        let limit = format!("role {:?} opens secrets for nobody: over TCP none is opened", role.name);
        reader.conflict(keys::ACCESS_ROLE, &limit, "give it users or groups, or leave out open");
    }
    for role in role.iter().filter(idle) {
        let limit = format!("role {:?} is for nobody", role.name);
        reader.conflict(keys::ACCESS_ROLE, &limit, "give it users or groups, or name it in access.tcp_role");
    }
    Some(Access { role, tcp_role, tokens_file })
}

fn roles(reader: &mut Reader<'_>) -> Vec<Role> {
    let Some(given) = reader.given(keys::ACCESS_ROLE) else { return Vec::new() };
    let limit = || (format!("must be at most {MOST_ROLES} tables"), "write each as [[access.role]]".to_owned());
    let tables = reader.read(keys::ACCESS_ROLE, |value| {
        let list = value.as_array().filter(|list| list.len() <= MOST_ROLES).ok_or_else(limit)?;
        list.iter().map(|one| one.as_table().cloned().ok_or_else(limit)).collect::<Result<Vec<Table>, Refused>>()
    });
    let mut list: Vec<Role> = Vec::new();
    for (place, table) in tables.unwrap_or_default().iter().enumerate() {
        let mut one = One { key: keys::ACCESS_ROLE, place, table, source: &given.source, problems: Vec::new() };
        let role = one.role();
        if list.iter().any(|other| other.name == role.name) && !role.name.is_empty() {
            one.refuse("name", "is the name of another role too".to_owned(), "give each role a name of its own");
        }
        reader.problems.append(&mut one.problems);
        list.push(role);
    }
    list
}

/// One table on its way to a role.
struct One<'a> {
    key: &'static Key,
    place: usize,
    table: &'a Table,
    source: &'a Source,
    problems: Vec<Problem>,
}

impl One<'_> {
    fn refuse(&mut self, field: &str, limit: String, fix: impl Into<String>) {
        let value = self.table.get(field).map(shown).unwrap_or_default();
        let key = format!("{}[{}].{field}", self.key.name, self.place + 1);
        self.problems.push(Problem::new(&key, &value, self.source, limit, fix));
    }

    /// A field through a parser; its default when it is not there or refused.
    fn read<T: Default>(&mut self, field: &str, parse: impl FnOnce(&Value) -> Result<T, Refused>) -> T {
        let Some(value) = self.table.get(field) else { return T::default() };
        parse(value).map_err(|(limit, fix)| self.refuse(field, limit, fix)).unwrap_or_default()
    }

    fn role(&mut self) -> Role {
        for field in self.table.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            self.refuse(field, "there is no such field".to_owned(), format!("a role has: {}", FIELDS.join(", ")));
        }
        if !self.table.contains_key("name") {
            self.refuse("name", "is required".to_owned(), "name the role after what it is for");
        }
        Role {
            name: self.read("name", |value| parse::name(parse::text(value)?).map(str::to_owned)),
            users: self.read("users", principals),
            groups: self.read("groups", principals),
            rights: Rights {
                read: self.read("read", prefixes),
                write: self.read("write", prefixes),
                observe: self.read("observe", parse::flag),
                submit: self.read("submit", parse::flag),
            },
            open: self.read("open", prefixes),
        }
    }
}

fn principals(value: &Value) -> Result<Vec<Principal>, Refused> {
    let limit = || {
        let fix = "write it as [\"checkout\", 1001]";
        (format!("must be a list of at most {MOST_NAMES} names or numbers from 0 to 4294967294"), fix.to_owned())
    };
    let one = |value: &Value| match value {
        // The greatest number means "none" to the system.
        Value::Integer(number) => {
            u32::try_from(*number).ok().filter(|number| *number != u32::MAX).map(Principal::Number).ok_or_else(limit)
        }
        Value::String(name) if fits(name) => Ok(Principal::Name(name.clone())),
        _ => Err(limit()),
    };
    let list = value.as_array().filter(|list| list.len() <= MOST_NAMES).ok_or_else(limit)?;
    list.iter().map(one).collect()
}

/// Whether a text may be the name of a user or a group: what no system takes is refused here already.
fn fits(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && !name.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ':' | ',' | '/'))
        && !name.bytes().all(|byte| byte.is_ascii_digit())
}

fn prefixes(value: &Value) -> Result<Vec<Prefix>, Refused> {
    let fix = "write it as [\"shop/checkout\"], or [\"/\"] for everything";
    let list = parse::texts(value)?;
    if list.len() > MOST_PREFIXES {
        return Err((format!("must be at most {MOST_PREFIXES} prefixes"), fix.to_owned()));
    }
    list.into_iter().map(|text| tokens::prefix(text).map_err(|bad| (bad, fix.to_owned()))).collect()
}
