//! Addresses that people write: `host:port`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The right form, for messages.
pub const FORM: &str = "write host:port, for example node1.example:7201, 192.0.2.7:7201 or [2001:db8::7]:7201";
/// Longest name of a host (RFC 1035).
const MAX_HOST: usize = 253;

/// Whether something can be connected to under this text: `host:port`, with a host that can be one and a port from 1 to
/// 65,535. The error is what is wrong, in words.
pub fn check_address(text: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{text:?} is no address: {what}; {FORM}"));
    if text.is_empty() {
        return wrong("it is empty");
    }
    if text.contains("://") {
        return wrong("it has a scheme, and a host and a port are all that is needed");
    }
    if text.chars().any(char::is_whitespace) {
        return wrong("it has a space in it");
    }
    if text.contains(['/', '?', '#', '@']) {
        return wrong("it has more than a host and a port");
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        Some(_) | None => return wrong("the port is missing"),
    };
    if host.is_empty() {
        return wrong("the host is missing");
    }
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        if inside.parse::<Ipv6Addr>().is_err() {
            return wrong("what stands in brackets is no IPv6 address");
        }
    } else if host.contains(':') {
        return wrong("an IPv6 address stands in brackets");
    } else if host.chars().all(|c| c.is_ascii_digit() || c == '.') {
        if host.parse::<Ipv4Addr>().is_err() {
            return wrong("the host is no IPv4 address");
        }
    } else if !is_name(host) {
        return wrong("the host is no name: letters, digits, hyphens, and dots between its parts");
    }
    let number = port.chars().all(|c| c.is_ascii_digit()).then(|| port.parse::<u16>().ok()).flatten();
    match number {
        Some(1..) => Ok(()),
        Some(0) | None => wrong("a port is a number from 1 to 65535"),
    }
}

/// Parts of letters, digits, hyphens and underscores with single dots between them; one dot may end it.
fn is_name(host: &str) -> bool {
    let part = |part: &str| {
        let inside = part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        inside && (1..=63).contains(&part.len()) && !part.starts_with('-') && !part.ends_with('-')
    };
    host.len() <= MAX_HOST && host.strip_suffix('.').unwrap_or(host).split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_connected_to_is_taken() {
        for good in ["localhost:1", "node1.example:7201", "n-1.a_b:65535", "10.0.0.1:80", "[::1]:80", "example.:80"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn an_impossible_address_is_refused_and_the_right_form_is_shown() {
        for (bad, what) in [
            ("", "empty"),
            ("localhost", "port is missing"),
            ("[::1]", "port is missing"),
            (":80", "host is missing"),
            ("localhost:", "from 1 to 65535"),
            ("localhost:0", "from 1 to 65535"),
            ("localhost:65536", "from 1 to 65535"),
            ("localhost:99999", "from 1 to 65535"),
            ("localhost:+80", "from 1 to 65535"),
            ("localhost:http", "from 1 to 65535"),
            ("local host:80", "space"),
            (" localhost:80", "space"),
            ("http://localhost:80", "scheme"),
            ("localhost:80/path", "more than a host"),
            ("me@localhost:80", "more than a host"),
            ("::1:80", "brackets"),
            ("2001:db8::7:7201", "brackets"),
            ("[::g]:80", "no IPv6"),
            ("[localhost]:80", "no IPv6"),
            ("256.0.0.1:80", "no IPv4"),
            ("1.2.3:80", "no IPv4"),
            ("a..b:80", "no name"),
            ("-a:80", "no name"),
            ("nöde:80", "no name"),
            ("a\u{0}b:80", "no name"),
        ] {
            let said = check_address(bad).unwrap_err();
            assert!(said.contains(what) && said.contains(FORM), "{bad:?}: {said}");
        }
    }
}
