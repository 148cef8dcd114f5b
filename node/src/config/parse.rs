//! One value of each kind: from TOML to what it means, or what is allowed instead.

use std::time::Duration;

use libp2p::Multiaddr;
use toml::Value;

/// What is allowed, and what to write; the caller adds key, value and source.
pub(super) type Refused = (String, String);

fn refused(limit: impl Into<String>, fix: impl Into<String>) -> Refused {
    (limit.into(), fix.into())
}

pub(super) fn text(value: &Value) -> Result<&str, Refused> {
    value.as_str().ok_or_else(|| refused("must be a text", "put it in quotes"))
}

pub(super) fn flag(value: &Value) -> Result<bool, Refused> {
    value.as_bool().ok_or_else(|| refused("must be true or false", "write true or false, without quotes"))
}

fn between(got: u64, min: u64, max: u64, show: impl Fn(u64) -> String) -> Result<u64, Refused> {
    if (min..=max).contains(&got) {
        return Ok(got);
    }
    let near = if got < min { min } else { max };
    Err(refused(format!("must be between {} and {}", show(min), show(max)), format!("the nearest is {}", show(near))))
}

pub(super) fn count(value: &Value, min: u64, max: u64) -> Result<u64, Refused> {
    let limit = || refused(format!("must be a whole number between {min} and {max}"), "write it without quotes");
    let number = value.as_integer().ok_or_else(limit)?;
    between(u64::try_from(number).unwrap_or(0), min, max, |n| n.to_string())
}

/// Splits `64KiB` into number and unit.
fn amount(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

const BYTE_UNITS: [(&str, u64); 5] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1), ("", 1)];
const TIME_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A number in the largest unit that fits it exactly.
fn in_units(units: &[(&str, u64)], number: u64) -> String {
    units
        .iter()
        .find(|(_, size)| number >= *size && number.is_multiple_of(*size))
        .map_or_else(|| number.to_string(), |(unit, size)| format!("{}{unit}", number / size))
}

/// Bytes for people.
pub(super) fn show_bytes(bytes: u64) -> String {
    in_units(&BYTE_UNITS, bytes)
}

/// Milliseconds for people.
pub(super) fn show_millis(millis: u64) -> String {
    in_units(&TIME_UNITS, millis)
}

fn in_unit(units: &[(&str, u64)], text: &str) -> Option<u64> {
    let (number, unit) = amount(text)?;
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*size)
}

pub(super) fn bytes(value: &Value, min: u64, max: u64) -> Result<u64, Refused> {
    let limit =
        || refused("must be a number of bytes", "write a number, or one with unit such as \"64KiB\" or \"4MiB\"");
    let got = match value {
        Value::Integer(number) => u64::try_from(*number).map_err(|_| limit())?,
        Value::String(text) => in_unit(&BYTE_UNITS, text).ok_or_else(limit)?,
        _ => return Err(limit()),
    };
    between(got, min, max, show_bytes)
}

pub(super) fn duration(value: &Value, min: u64, max: u64) -> Result<Duration, Refused> {
    let limit =
        || refused("must be a duration with its unit", "write one such as \"500ms\", \"10s\", \"2m\" or \"1h\"");
    let millis = value.as_str().and_then(|text| in_unit(&TIME_UNITS, text)).ok_or_else(limit)?;
    between(millis, min, max, show_millis).map(Duration::from_millis)
}

pub(super) fn mode(value: &Value) -> Result<u32, Refused> {
    let limit = || refused("must be permission bits in octal between \"0600\" and \"0777\"", "write \"0660\"");
    let text = value.as_str().filter(|text| (3..=4).contains(&text.len())).ok_or_else(limit)?;
    let digits = text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let bits = u32::from_str_radix(text, 8).ok().filter(|bits| digits && (0o600..=0o777).contains(bits));
    bits.filter(|bits| bits & 0o600 == 0o600).ok_or_else(limit)
}

pub(super) fn texts(value: &Value) -> Result<Vec<&str>, Refused> {
    let limit = || refused("must be a list of texts", "write it as [\"…\", \"…\"]");
    value.as_array().ok_or_else(limit)?.iter().map(|one| one.as_str().ok_or_else(limit)).collect()
}

pub(super) fn addresses(value: &Value) -> Result<Vec<Multiaddr>, Refused> {
    let mut list: Vec<Multiaddr> = Vec::new();
    for text in texts(value)? {
        let address: Multiaddr = text.parse().map_err(|_| {
            let shown: String = text.chars().take(80).filter(|c| !c.is_control()).collect();
            refused(format!("{shown} is no multiaddr"), "write one such as /ip4/192.0.2.1/tcp/7474")
        })?;
        if list.contains(&address) {
            return Err(refused(format!("names {address} twice"), "name each address once"));
        }
        list.push(address);
    }
    Ok(list)
}

/// A name for a node.
pub(super) fn name(text: &str) -> Result<&str, Refused> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(fine) {
        return Ok(text);
    }
    Err(refused("a name is 1 to 64 of A-Z a-z 0-9 . _ -", "choose a name of these"))
}
