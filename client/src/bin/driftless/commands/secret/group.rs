//! `secret recipients`: the groups, and what a change of one means for what is sealed to it.

use driftless_client::sealed::{self, GROUPS, Group, Member, Recipient, Recipients, check_name};
use driftless_client::sign::{self, Desired};
use driftless_client::{Client, ClientError};
use driftless_statement::{Path, Prefix, PublicKey};
use serde::Serialize;

use super::reseal::{self, Opener};
use crate::args::{RecipientsCommand, ResealArgs};
use crate::exit::Failure;
use crate::out::Paint;
use crate::render::{self, count};
use crate::session::Session;

/// One recipient, for programs.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub group: String,
    pub name: String,
    pub recipient: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<PublicKey>,
}

pub async fn run(command: RecipientsCommand, session: &Session) -> Result<(), Failure> {
    match command {
        RecipientsCommand::List { group } => list(session, group.as_deref()).await,
        RecipientsCommand::Add { group, name, recipient, node, from_node, replace, reseal } => {
            let member = match (from_node, recipient) {
                (true, _) => asked(&session.client()?).await?,
                (false, recipient) => Member { recipient: read_recipient(&recipient.unwrap_or_default())?, node },
            };
            let change = |held: &Group| add(held, &group, &name, &member, replace);
            alter(session, &group, change, &reseal).await
        }
        RecipientsCommand::Remove { group, name, reseal } => {
            alter(session, &group, |held| remove(held, &group, &name), &reseal).await
        }
    }
}

fn read_recipient(text: &str) -> Result<Recipient, Failure> {
    text.parse().map_err(|bad| Failure::Usage(format!("RECIPIENT: {bad}")))
}

/// The node that is called, as a member.
async fn asked(client: &Client) -> Result<Member, Failure> {
    let told = client.recipient().await?;
    if told.recipient.is_empty() {
        return Err(Failure::Refused(format!(
            "node {} has no recipient: it is of an earlier version; update it, or give a recipient",
            told.node
        )));
    }
    Ok(Member { recipient: read_recipient(&told.recipient)?, node: Some(told.node) })
}

fn entry(group: &str) -> Result<Path, Failure> {
    sealed::group_path(group).map_err(|bad| Failure::Usage(format!("group: {bad}")))
}

fn absent(group: &str) -> Failure {
    Failure::NotFound(format!(
        "there is no group {group}; `driftless secret recipients list` shows them, `driftless secret recipients add {group} NAME \
         age1…` makes it"
    ))
}

/// Whom to seal to: the recipients of a group in force, somebody at least.
pub async fn recipients(client: &Client, group: &str) -> Result<Recipients, Failure> {
    let recipients = read(client, group).await?.recipients();
    if recipients.is_empty() {
        return Err(Failure::Refused(format!(
            "group {group} has no recipients; add one with `driftless secret recipients add {group} NAME age1…`"
        )));
    }
    Ok(recipients)
}

/// A group as it is in force.
async fn read(client: &Client, group: &str) -> Result<Group, Failure> {
    let path = entry(group)?;
    match client.item(&path).await {
        Ok(item) => parse(&path, &item.value),
        Err(ClientError::Problem(problem)) if problem.status == 404 => Err(absent(group)),
        Err(error) => Err(error.into()),
    }
}

fn parse(path: &Path, value: &driftless_statement::Value) -> Result<Group, Failure> {
    Group::parse(value).map_err(|bad| {
        Failure::Refused(format!("{path} is no group of recipients: {bad}; correct it with `driftless edit {path}`"))
    })
}

/// All groups, with a warning for each entry that is none.
pub async fn all(session: &Session, client: &Client) -> Result<Vec<(String, Group)>, Failure> {
    let under = Prefix::parse(GROUPS).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut groups = Vec::new();
    for item in client.items(&under).await? {
        let name = item.path.as_str().trim_start_matches(GROUPS).trim_start_matches('/').to_owned();
        match Group::parse(&item.value) {
            Ok(group) => groups.push((name, group)),
            Err(bad) => session.out.say(&format!("warning: {} is no group of recipients: {bad}", item.path)),
        }
    }
    Ok(groups)
}

async fn list(session: &Session, wanted: Option<&str>) -> Result<(), Failure> {
    let client = session.client()?;
    let groups = match wanted {
        Some(name) => vec![(name.to_owned(), read(&client, name).await?)],
        None => all(session, &client).await?,
    };
    let listed: Vec<Listed> = groups.into_iter().flat_map(|(group, held)| rows(&group, &held)).collect();
    session.out.show(&listed, |paint| render::secrets::recipients(paint, &listed))
}

fn rows(group: &str, held: &Group) -> Vec<Listed> {
    let row = |(name, member): (&String, &Member)| Listed {
        group: group.to_owned(),
        name: name.clone(),
        recipient: member.recipient.to_string(),
        node: member.node,
    };
    held.0.iter().map(row).collect()
}

/// The group with a recipient more; `None`: it is so already.
fn add(held: &Group, group: &str, name: &str, member: &Member, replace: bool) -> Result<Option<Group>, Failure> {
    check_name(name).map_err(|bad| Failure::Usage(format!("NAME {bad}")))?;
    match held.0.get(name) {
        Some(same) if same == member => return Ok(None),
        Some(other) if other.recipient != member.recipient && !replace => {
            return Err(Failure::Refused(format!(
                "{name} has another recipient in group {group}: {}; to replace it give --replace",
                other.recipient
            )));
        }
        Some(_) | None => {}
    }
    if let Some(other) = held.holder(&member.recipient).filter(|other| *other != name) {
        return Err(Failure::Refused(format!("this recipient is in group {group} already, as {other}")));
    }
    let mut next = held.clone();
    next.0.insert(name.to_owned(), member.clone());
    if next.0.len() > sealed::RECIPIENTS {
        return Err(Failure::Refused(format!("group {group} has {} recipients, the most; make another", held.0.len())));
    }
    Ok(Some(next))
}

fn remove(held: &Group, group: &str, name: &str) -> Result<Option<Group>, Failure> {
    let mut next = held.clone();
    match next.0.remove(name) {
        Some(_) => Ok(Some(next)),
        None => Err(Failure::NotFound(format!(
            "group {group} has no recipient {name}; `driftless secret recipients list {group}` shows them"
        ))),
    }
}

/// Changes a group, shows what must be sealed anew, and does it when asked to.
async fn alter(
    session: &Session,
    group: &str,
    change: impl FnOnce(&Group) -> Result<Option<Group>, Failure>,
    how: &ResealArgs,
) -> Result<(), Failure> {
    let path = entry(group)?;
    // Before anything is signed: an identity that cannot be read must not leave half of it done.
    let opener = Opener::of(&how.identity)?;
    let (client, signer) = (session.client()?, session.signer()?);
    let merged = client.merged(&path, Some(&signer.public())).await?;
    let held = match &merged.tree {
        Some(tree) => {
            let tree = driftless_client::tree::from_json(tree);
            parse(&path, &tree.map_err(|error| Failure::Unreachable(error.to_string()))?.to_value())?
        }
        None => Group::default(),
    };
    let next = change(&held)?;
    let recipients = next.as_ref().unwrap_or(&held).recipients();
    if how.reseal && recipients.is_empty() {
        return Err(Failure::Refused(format!(
            "nobody would be left in group {group} to seal to; add another recipient first, or give no --reseal"
        )));
    }
    match next {
        None => session.out.say(&format!("group {group} is so already; nothing was signed for it")),
        Some(next) => {
            let plan = sign::plan(&merged, &Desired::Value(next.to_value()))?;
            let plan: Vec<_> = plan.into_iter().collect();
            let shown = render::plan::plan(Paint::NONE, &render::plan::rows(&plan));
            session.out.say(shown.trim_end());
            if !how.dry_run {
                session.submit_to(&client, &signer, plan, &how.note).await?;
            }
        }
    }
    let work = reseal::Work { group, recipients: &recipients, opener: &opener, dry_run: how.dry_run, note: &how.note };
    if how.reseal {
        // What somebody proposes and others have to approve is no group yet.
        if !how.dry_run && read(&client, group).await?.recipients() != recipients {
            return Err(Failure::Refused(format!(
                "the change of group {group} is stored and not in force (`driftless pending` says what it waits for), so nothing was \
                 sealed anew; once it is, run `driftless secret reseal {group}`"
            )));
        }
        return reseal::all(session, &client, &signer, &work).await;
    }
    remaining(session, &client, group, &recipients).await
}

/// What must be sealed anew, and how.
async fn remaining(session: &Session, client: &Client, group: &str, next: &Recipients) -> Result<(), Failure> {
    let stale = reseal::stale(session, client, group, next).await?;
    session.out.show(&stale, |paint| render::secrets::resealed(paint, &stale))?;
    if stale.is_empty() {
        session.out.say(&format!("nothing is sealed to group {group} that must be sealed anew"));
    } else {
        session.out.say(&format!(
            "{} must be sealed anew: `driftless secret reseal {group}`",
            count(stale.len(), "secret", "secrets")
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_client::sealed::Identity;

    use super::*;

    fn member() -> Member {
        Member { recipient: Identity::generate().recipient(), node: None }
    }

    #[test]
    fn a_recipient_is_added_once_and_replaced_only_when_asked() {
        let (one, two) = (member(), member());
        let group = add(&Group::default(), "g", "a", &one, false).unwrap().unwrap();
        assert_eq!(add(&group, "g", "a", &one, false).unwrap(), None);
        assert!(add(&group, "g", "a", &two, false).unwrap_err().to_string().contains("--replace"));
        assert_eq!(add(&group, "g", "a", &two, true).unwrap().unwrap().0.get("a"), Some(&two));
        assert!(add(&group, "g", "b", &one, false).unwrap_err().to_string().contains("already, as a"));
        assert!(add(&group, "g", "b/c", &two, false).is_err());
        assert!(remove(&group, "g", "b").is_err());
        assert!(remove(&group, "g", "a").unwrap().unwrap().0.is_empty());
    }
}
