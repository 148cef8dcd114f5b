//! Roles by user: which numbers the names in the configuration are on this machine, asked once, at the start. It must not
//! know tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_client::tokens::Rights;
use driftless_statement::Prefix;
use nix::unistd::{Gid, Group, Uid, User};

use super::permit::{Granted, Permit, Who};
use crate::config::{Access, Principal, Role};

/// Why roles cannot be put in force. The node does not start.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The machine knows no user or group of that name.
    #[error("access.role {role:?}: {field}: this machine knows no {name:?}; create it, or give its number")]
    Unknown {
        /// Name of the role.
        role: String,
        /// `users` or `groups`.
        field: &'static str,
        /// As configured.
        name: String,
    },
    /// The machine could not be asked.
    #[error("access.role {role:?}: {field}: {name:?} could not be looked up: {cause}; try again, or give its number")]
    Lookup {
        /// Name of the role.
        role: String,
        /// `users` or `groups`.
        field: &'static str,
        /// As configured.
        name: String,
        /// What the system said.
        cause: nix::Error,
    },
}

/// One role with numbers.
#[derive(Debug, Default)]
struct Rule {
    users: BTreeSet<u32>,
    groups: BTreeSet<u32>,
    rights: Rights,
    open: Vec<Prefix>,
}

impl Rule {
    fn is_for(&self, uid: u32, gid: u32) -> bool {
        self.users.contains(&uid) || self.groups.contains(&gid)
    }
}

/// Who may do what without a token.
#[derive(Debug)]
pub struct Peers {
    rules: Vec<Rule>,
    /// The user that this node runs as.
    own: u32,
    tcp: Option<Arc<Granted>>,
}

impl Peers {
    /// Looks up all names.
    pub fn resolve(access: &Access) -> Result<Self, AccessError> {
        let named = |role: &&Role| !role.users.is_empty() || !role.groups.is_empty();
        let rules = access.role.iter().filter(named).map(rule).collect::<Result<_, _>>()?;
        let over_tcp = access.role.iter().find(|role| access.tcp_role.as_ref() == Some(&role.name));
        Ok(Self {
            rules,
            own: Uid::effective().as_raw(),
            tcp: over_tcp.map(|role| Arc::new(Granted::of([&role.rights]))),
        })
    }

    /// What a user may do: everything while no role names anybody; else what its roles say together. Root, and the user
    /// that this node runs as, can read its key and its store: to keep something from them here would only pretend.
    pub fn unix(&self, peer: Option<(u32, u32)>) -> Permit {
        let who = peer.map_or(Who::Unknown, |(uid, _)| Who::User(uid));
        if self.rules.is_empty() {
            return Permit::everything(who);
        }
        let Some((uid, gid)) = peer else { return Permit::nothing(who) };
        if uid == 0 || uid == self.own {
            return Permit::everything(who);
        }
        let rules: Vec<&Rule> = self.rules.iter().filter(|rule| rule.is_for(uid, gid)).collect();
        let granted =
            Granted::of(rules.iter().map(|rule| &rule.rights)).opening(rules.iter().flat_map(|rule| &rule.open));
        Permit::new(Arc::new(granted), who)
    }

    /// What whoever comes over TCP without a token may do, if anything.
    pub fn tcp(&self) -> Option<Permit> {
        self.tcp.clone().map(|granted| Permit::new(granted, Who::Tcp))
    }
}

fn rule(role: &Role) -> Result<Rule, AccessError> {
    let mut rule = Rule { rights: role.rights.clone(), open: role.open.clone(), ..Rule::default() };
    for user in &role.users {
        rule.users.insert(match user {
            Principal::Number(uid) => *uid,
            Principal::Name(name) => found(role, "users", name, User::from_name(name))?.uid.as_raw(),
        });
    }
    for group in &role.groups {
        let group = match group {
            Principal::Number(gid) => {
                rule.groups.insert(*gid);
                // A number without a group is fine; its members are only those that have it as their first.
                Group::from_gid(Gid::from_raw(*gid)).ok().flatten()
            }
            Principal::Name(name) => Some(found(role, "groups", name, Group::from_name(name))?),
        };
        let Some(group) = group else { continue };
        rule.groups.insert(group.gid.as_raw());
        // The system tells the first group of a peer only; its other groups are known by who is listed in them.
        let members = group.mem.iter().filter_map(|name| User::from_name(name).ok().flatten());
        rule.users.extend(members.map(|user| user.uid.as_raw()));
    }
    Ok(rule)
}

fn found<T>(role: &Role, field: &'static str, name: &str, found: nix::Result<Option<T>>) -> Result<T, AccessError> {
    let (role, name) = (role.name.clone(), name.to_owned());
    match found {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(AccessError::Unknown { role, field, name }),
        Err(cause) => Err(AccessError::Lookup { role, field, name, cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, users: Vec<Principal>, groups: Vec<Principal>, read: &str) -> Role {
        let rights = Rights { read: vec![Prefix::parse(read).unwrap()], ..Rights::default() };
        let open = vec![Prefix::parse(read).unwrap()];
        Role { name: name.to_owned(), users, groups, rights, open }
    }

    fn peers(role: Vec<Role>, tcp: Option<&str>) -> Peers {
        let access = Access { role, tcp_role: tcp.map(str::to_owned), ..Access::default() };
        Peers { own: 4_000_000_007, ..Peers::resolve(&access).unwrap() }
    }

    #[test]
    fn without_roles_for_users_the_socket_decides() {
        let open = peers(vec![role("tcp", vec![], vec![], "shop")], Some("tcp"));
        assert!(open.unix(Some((1001, 1001))).is_whole() && open.unix(None).is_whole());
        let tcp = open.tcp().unwrap();
        assert!(tcp.reads_text("shop/a") && !tcp.is_whole() && !tcp.opens_text("shop/a"), "no secret over TCP");
        assert!(peers(vec![], None).tcp().is_none());
    }

    #[test]
    fn users_and_groups_get_their_roles_together_and_strangers_nothing() {
        let number = |number| vec![Principal::Number(number)];
        let strict = peers(
            vec![
                role("a", number(3_000_000_001), vec![], "shop/a"),
                role("b", vec![], number(3_000_000_002), "shop/b"),
            ],
            None,
        );
        let both = strict.unix(Some((3_000_000_001, 3_000_000_002)));
        assert!(both.reads_text("shop/a/x") && both.reads_text("shop/b/x") && !both.reads_text("shop/c"));
        assert!(both.opens_text("shop/a/x") && both.opens_text("shop/b/x") && !both.opens_text("shop/c"));
        let one = strict.unix(Some((3_000_000_005, 3_000_000_002)));
        assert!(one.reads_text("shop/b") && !one.reads_text("shop/a"));
        for stranger in [Some((3_000_000_005, 3_000_000_006)), None] {
            assert!(!strict.unix(stranger).is_known());
        }
        assert!(strict.unix(Some((0, 0))).is_whole(), "root reads the key file anyway");
        assert!(strict.unix(Some((4_000_000_007, 9))).is_whole(), "and so does the node's own user");
    }

    #[test]
    fn names_are_looked_up_once_and_unknown_ones_refused() {
        let name = |name: &str| vec![Principal::Name(name.to_owned())];
        let root = peers(vec![role("a", name("root"), name("root"), "shop")], None);
        assert!(root.rules.iter().any(|rule| rule.users.contains(&0) && rule.groups.contains(&0)));
        for (users, groups, field) in [(name("nobody-here-x"), vec![], "users"), (vec![], name("no-group-x"), "groups")]
        {
            let access = Access { role: vec![role("a", users, groups, "shop")], ..Access::default() };
            let error = Peers::resolve(&access).unwrap_err().to_string();
            assert!(error.contains(field) && error.contains("create it, or give its number"), "{error}");
        }
    }
}
