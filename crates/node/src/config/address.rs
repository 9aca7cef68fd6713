//! Addresses in configuration files: `host:port`, or `[IPv6]:port`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A host, as far as two spellings of one can be told without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// Every address of the machine.
    All,
    /// This machine: `localhost`, 127.0.0.1 or ::1.
    Own,
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// A name, in lowercase.
    Name(String),
}

/// A host and a port from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub host: Host,
    pub port: u16,
}

impl Address {
    /// Reads an address; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Address, String> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(format!("has the scheme {scheme}://: write the host and the port alone, {rest}"));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err("has no port: write host:port, for example 127.0.0.1:7201".into());
        };
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
        let port = match port.parse::<u16>() {
            Ok(port) if digits => port,
            Ok(_) | Err(_) => return Err(format!("has the port {port:?}: a port is a number from 1 to 65535")),
        };
        let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
            Some(inside) => match inside.and_then(|inside| inside.parse().ok()) {
                Some(address) => v6(address),
                None => return Err(format!("has the host {host:?}: between [ and ] stands an IPv6 address")),
            },
            None => named(host)?,
        };
        Ok(Address { host, port })
    }

    /// Whether one machine cannot listen on both.
    pub(crate) fn clashes(&self, other: &Address) -> bool {
        let all = self.host == Host::All || other.host == Host::All;
        self.port == other.port && (all || self.host == other.host)
    }
}

fn v6(address: Ipv6Addr) -> Host {
    match address {
        Ipv6Addr::UNSPECIFIED => Host::All,
        Ipv6Addr::LOCALHOST => Host::Own,
        other => other.to_ipv4_mapped().map_or(Host::V6(other), v4),
    }
}

fn v4(address: Ipv4Addr) -> Host {
    match address {
        Ipv4Addr::UNSPECIFIED => Host::All,
        Ipv4Addr::LOCALHOST => Host::Own,
        other => Host::V4(other),
    }
}

/// A host without brackets: IPv4, or a name.
fn named(host: &str) -> Result<Host, String> {
    if host.is_empty() {
        return Err("has no host: write host:port, with 0.0.0.0 to listen on every address".into());
    }
    if host.contains(':') {
        return Err(format!("has the host {host:?}: an IPv6 address stands in brackets, [::1]:7201"));
    }
    if let Ok(address) = host.parse() {
        return Ok(v4(address));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(fits) {
        return Err(format!("has the host {host:?}: a host is an address, or a name of letters, digits, - and dots"));
    }
    // The last part of a name is never a number: this is an address with a mistake.
    if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("has the host {host:?}: an IPv4 address has four numbers from 0 to 255"));
    }
    Ok(if name == "localhost" { Host::Own } else { Host::Name(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port_from_1() {
        for good in ["127.0.0.1:1", "0.0.0.0:65535", "[::]:7101", "[2001:db8::1]:7101", "node1.aurora.example:7101"] {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("localhost", "no port"),
            ("", "no port"),
            (":7101", "no host"),
            ("127.0.0.1:", "port"),
            ("127.0.0.1:0", "port"),
            ("127.0.0.1:70000", "port"),
            ("127.0.0.1:-1", "port"),
            ("127.0.0.1:+80", "port"),
            ("127.0.0.1:080", "port"),
            ("127.0.0.1:80 ", "port"),
            ("127.0.0.1:http", "port"),
            ("http://127.0.0.1:80", "scheme"),
            ("::1:7101", "brackets"),
            ("[::1:7101", "IPv6"),
            ("[127.0.0.1]:7101", "IPv6"),
            ("300.0.0.1:7101", "four numbers"),
            ("10.0.1:7101", "four numbers"),
            ("a b:7101", "name"),
            ("a..b:7101", "name"),
            ("-a:7101", "name"),
            ("user@host:7101", "name"),
        ] {
            let said = Address::parse(bad).unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn two_spellings_of_one_place_clash() {
        let clash = |a: &str, b: &str| Address::parse(a).unwrap().clashes(&Address::parse(b).unwrap());
        assert!(clash("localhost:1", "127.0.0.1:1") && clash("[::1]:1", "LOCALHOST:1"));
        assert!(clash("0.0.0.0:1", "10.0.0.1:1") && clash("[::]:1", "a.example:1"));
        assert!(clash("A.example:1", "a.example.:1") && clash("[::ffff:10.0.0.1]:1", "10.0.0.1:1"));
        assert!(!clash("10.0.0.1:1", "10.0.0.2:1") && !clash("10.0.0.1:1", "10.0.0.1:2"));
    }
}
