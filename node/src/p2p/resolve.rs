//! Names in addresses (`/dns/…`, `/dns4/…`, `/dns6/…`), resolved by the system as for any other program, anew for
//! every dial: an orchestrator may have moved the peer.

use std::net::IpAddr;
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// The system's resolver may hang for minutes; the next attempt asks again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// Whether any address begins with a name.
pub(super) fn needed(addrs: &[Multiaddr]) -> bool {
    addrs.iter().any(|addr| name(addr).is_some())
}

/// The addresses with all names replaced by what they stand for now. Names that stand for nothing are left out; an
/// error when nothing is left.
pub(super) async fn resolve(addrs: Vec<Multiaddr>) -> Result<Vec<Multiaddr>, String> {
    let mut resolved = Vec::new();
    let mut failure = String::from("no address");
    for addr in addrs {
        match name(&addr) {
            None => resolved.push(addr),
            Some((name, port, family)) => match lookup(&name, port).await {
                Ok(found) => resolved.extend(found.into_iter().filter(family).map(|ip| replace(&addr, ip))),
                Err(reason) => failure = format!("{name}: {reason}"),
            },
        }
    }
    if resolved.is_empty() { Err(failure) } else { Ok(resolved) }
}

async fn lookup(name: &str, port: u16) -> Result<Vec<IpAddr>, String> {
    match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, port))).await {
        Ok(Ok(found)) => Ok(found.map(|socket| socket.ip()).take(ADDRESSES).collect()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the name was not resolved in time".to_owned()),
    }
}

type Family = fn(&IpAddr) -> bool;

fn name(addr: &Multiaddr) -> Option<(String, u16, Family)> {
    let mut parts = addr.iter();
    let (name, family): (_, Family) = match parts.next()? {
        Protocol::Dns(name) => (name, |_| true),
        Protocol::Dns4(name) => (name, IpAddr::is_ipv4),
        Protocol::Dns6(name) => (name, IpAddr::is_ipv6),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some((name.into_owned(), port, family)),
        _ => None,
    }
}

fn replace(addr: &Multiaddr, ip: IpAddr) -> Multiaddr {
    std::iter::once(Protocol::from(ip)).chain(addr.iter().skip(1)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn addr(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_name_becomes_its_addresses_and_the_rest_stays() {
        let found = resolve(vec![addr("/dns4/localhost/udp/7/quic-v1"), addr("/ip4/192.0.2.1/tcp/8")]).await.unwrap();
        assert_eq!(found, [addr("/ip4/127.0.0.1/udp/7/quic-v1"), addr("/ip4/192.0.2.1/tcp/8")]);
        assert!(resolve(vec![addr("/dns/localhost/tcp/7")]).await.unwrap().contains(&addr("/ip4/127.0.0.1/tcp/7")));
    }

    #[tokio::test]
    async fn a_name_that_stands_for_nothing_is_an_error_only_alone() {
        // RFC 6761 reserves `.invalid`: it never resolves.
        let nowhere = addr("/dns/nowhere.invalid/tcp/7");
        assert!(resolve(vec![nowhere.clone()]).await.unwrap_err().starts_with("nowhere.invalid: "));
        let numeric = addr("/ip4/192.0.2.1/tcp/8");
        assert_eq!(resolve(vec![nowhere, numeric.clone()]).await.unwrap(), [numeric]);
    }

    #[test]
    fn only_names_need_resolving() {
        assert!(needed(&[addr("/ip4/192.0.2.1/tcp/8"), addr("/dns6/a/tcp/1")]));
        assert!(!needed(&[addr("/ip4/192.0.2.1/tcp/8"), addr("/ip6/::1/udp/1/quic-v1")]));
    }
}
