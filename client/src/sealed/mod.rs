//! Values sealed to a group of recipients with age (X25519): what such a value is, how it is sealed, and how it is opened.
//! Secrets live here in buffers that are wiped, and are never in an error, a log or a `Debug`. It must not know HTTP, nor
//! where a value came from.
//!
//! A sealed value is an ordinary value of an entry, an object with the one member `@sealed`. The fold knows nothing of it:
//! it is put whole, so it merges whole, and whoever edits inside of it breaks it, which age's own check says.

mod bad;
mod cipher;
mod group;
mod identity;
mod recipient;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use driftless_statement::{Path, Value};

pub use bad::BadSealed;
pub use cipher::{OpenError, ResealError, SealError, seal};
pub use group::{BadGroup, Group, Member};
pub use identity::{Identity, IdentityError};
pub use recipient::{BadRecipient, Recipient};

/// The one member of a sealed value.
pub const MEMBER: &str = "@sealed";
/// Bytes of the armored age file. With it a sealed value fills a quarter of the largest statement.
pub const ARMORED_BYTES: usize = 64 * 1024;
/// Bytes of a secret: sealed to the most recipients and armored, it stays below the bound above.
pub const SECRET_BYTES: usize = 32 * 1024;
/// Recipients that a value may be sealed to, and earlier ones that it may name. Each costs an agreement of keys.
pub const RECIPIENTS: usize = 64;
/// Bytes of the name of a group, and of a recipient.
pub const NAME_BYTES: usize = 64;
/// The entries of groups lie below this.
pub const GROUPS: &str = "@mesh/recipients";

/// Names and the recipients they stand for.
pub type Recipients = BTreeMap<String, Recipient>;

/// A value that is sealed. Whom it names as recipients is what its author said; only age knows whom it opens for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    age: String,
    group: String,
    recipients: Recipients,
    known_to: Recipients,
}

impl Sealed {
    /// Whether a value means to be a sealed one, well made or not.
    pub fn is_meant(value: &Value) -> bool {
        matches!(value, Value::Map(members) if members.contains_key(MEMBER))
    }

    /// Reads a sealed value: all of it, or why not.
    pub fn parse(value: &Value) -> Result<Self, BadSealed> {
        let Value::Map(members) = value else { return Err(BadSealed::NotSealed) };
        let sealed = members.get(MEMBER).ok_or(BadSealed::NotSealed)?;
        if members.len() != 1 {
            return Err(BadSealed::Beside);
        }
        let Value::Map(fields) = sealed else { return Err(BadSealed::NotAnObject(MEMBER)) };
        if let Some(name) =
            fields.keys().find(|name| !["age", "group", "recipients", "known_to"].contains(&name.as_str()))
        {
            return Err(BadSealed::Unknown(shorten(name)));
        }
        let age = text(fields, "age")?;
        check_armor(&age)?;
        let group = text(fields, "group")?;
        check_name(&group).map_err(|bad| BadSealed::Name { field: "group", bad })?;
        let recipients = read_recipients(fields, "recipients")?.ok_or(BadSealed::Missing("recipients"))?;
        if recipients.is_empty() {
            return Err(BadSealed::NoRecipients);
        }
        let known_to = read_recipients(fields, "known_to")?.unwrap_or_default();
        Ok(Self { age, group, recipients, known_to })
    }

    /// As a value of an entry.
    pub fn to_value(&self) -> Value {
        let text = |text: &str| Value::Text(text.into());
        let written = |recipients: &Recipients| -> Value {
            Value::Map(recipients.iter().map(|(name, key)| (name.clone(), text(key.as_str()))).collect())
        };
        let mut fields = BTreeMap::new();
        fields.insert("age".to_owned(), text(&self.age));
        fields.insert("group".to_owned(), text(&self.group));
        fields.insert("recipients".to_owned(), written(&self.recipients));
        if !self.known_to.is_empty() {
            fields.insert("known_to".to_owned(), written(&self.known_to));
        }
        Value::Map(BTreeMap::from([(MEMBER.to_owned(), Value::Map(fields))]))
    }

    /// The armored age file, as `age -d` reads it.
    pub fn armored(&self) -> &str {
        &self.age
    }

    /// The group that it was sealed to.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Whom it is sealed to, as its author said.
    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// Who could open this same secret earlier and is no recipient any more.
    pub fn known_to(&self) -> &Recipients {
        &self.known_to
    }

    /// Who must be written down as knowing the secret when it is sealed to `next` instead: whoever knew it so far and will
    /// be no recipient. A name that comes to stand for a second old key gets a number, so that no key is forgotten.
    pub fn known_after(&self, next: &Recipients) -> Recipients {
        let mut known = Recipients::new();
        for (name, key) in self.known_to.iter().chain(&self.recipients) {
            if next.values().any(|other| other == key) || known.values().any(|other| other == key) {
                continue;
            }
            let free = |name: &String| !known.contains_key(name);
            let named = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}~{number}"))).find(free);
            known.insert(named.unwrap_or_else(|| name.clone()), key.clone());
        }
        known
    }
}

/// The entry of a group.
pub fn group_path(group: &str) -> Result<Path, String> {
    check_name(group)?;
    Path::parse(&format!("{GROUPS}/{group}")).map_err(|bad| bad.to_string())
}

/// Checks the name of a group or of a recipient: one segment of a path.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '@' | '-');
    if (1..=NAME_BYTES).contains(&name.len()) && name.chars().all(fits) && name != "." && name != ".." {
        return Ok(());
    }
    Err(format!("must be 1 to {NAME_BYTES} of A-Z a-z 0-9 . _ ~ @ - and neither `.` nor `..`"))
}

fn text(fields: &BTreeMap<String, Value>, field: &'static str) -> Result<String, BadSealed> {
    match fields.get(field) {
        Some(Value::Text(text)) => Ok(text.to_string()),
        Some(_) => Err(BadSealed::NotText(field)),
        None => Err(BadSealed::Missing(field)),
    }
}

fn check_armor(age: &str) -> Result<(), BadSealed> {
    if age.len() > ARMORED_BYTES {
        return Err(BadSealed::TooLong { got: age.len() });
    }
    let framed = age.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n")
        && age.trim_end_matches('\n').ends_with("\n-----END AGE ENCRYPTED FILE-----");
    if framed { Ok(()) } else { Err(BadSealed::NotArmored) }
}

fn read_recipients(fields: &BTreeMap<String, Value>, field: &'static str) -> Result<Option<Recipients>, BadSealed> {
    let Some(value) = fields.get(field) else { return Ok(None) };
    let Value::Map(rows) = value else { return Err(BadSealed::NotAnObject(field)) };
    if rows.len() > RECIPIENTS {
        return Err(BadSealed::TooMany { field, got: rows.len() });
    }
    let mut recipients = Recipients::new();
    for (name, key) in rows {
        check_name(name).map_err(|bad| BadSealed::Name { field, bad })?;
        let Value::Text(key) = key else { return Err(BadSealed::NotText(field)) };
        let key = key.parse().map_err(|bad| BadSealed::Recipient { field, name: name.clone(), bad })?;
        recipients.insert(name.clone(), key);
    }
    Ok(Some(recipients))
}

/// Enough of a text from elsewhere to recognise it by.
fn shorten(text: &str) -> String {
    text.chars().take(NAME_BYTES).collect()
}
