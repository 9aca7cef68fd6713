//! Nobody there is said soon, and an address that cannot be one is said at once.

use super::{run, said, status};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Far above what a call may take that gives up after a fraction of a second, and far below what it took before.
const SOON: Duration = Duration::from_secs(15);

#[test]
fn nobody_there_is_said_within_the_time() {
    // Refused at once, and taken by the system but never by a program.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    for endpoints in ["127.0.0.1:1", &silent, &format!("127.0.0.1:1,{silent}")] {
        let begun = Instant::now();
        let output = run(&["health", "--endpoint", endpoints, "--timeout", "800ms"]);
        assert_eq!(status(&output), 3, "{endpoints}: {output:?}");
        assert!(begun.elapsed() < SOON, "{endpoints}: {:?}", begun.elapsed());
        assert!(said(&output).contains("no node answered"), "{output:?}");
    }
    let output = run(&["health", "--endpoint", "127.0.0.1:1", "--timeout", "800ms"]);
    let retries = said(&output).lines().filter(|line| line.starts_with("retrying ")).count();
    assert!((1..8).contains(&retries), "said, and not flooded: {output:?}");
    let output = run(&["health", "--endpoint", "127.0.0.1:1", "--timeout", "800ms", "-q"]);
    assert!(!said(&output).contains("retrying"), "{output:?}");
}

#[test]
fn an_impossible_address_is_a_usage_error() {
    for bad in ["127.0.0.1:0", "127.0.0.1:99999", "localhost", ":80", "local host:80", "https://localhost:80", "::1:80"]
    {
        let output = run(&["health", "--endpoint", bad]);
        assert_eq!(status(&output), 2, "{bad}: {output:?}");
        let said = said(&output);
        assert!(said.contains("host:port") && said.contains(bad), "{said}");
        assert!(!said.contains("retrying"), "{said}");
        // One of several is enough, and nothing is sent to the others.
        assert_eq!(status(&run(&["health", "--endpoint", "127.0.0.1:1", "--endpoint", bad])), 2, "{bad}");
    }
    assert_eq!(status(&run(&["health", "--endpoint", "http://127.0.0.1:1", "--timeout", "200ms"])), 3, "as it was");
}

#[test]
fn a_time_that_is_none_is_a_usage_error() {
    for bad in ["", "0", "-1", "5x", "s", "1.5", "99999999999999999999", "2000m"] {
        let output = run(&["health", "--endpoint", "127.0.0.1:1", &format!("--timeout={bad}")]);
        assert_eq!(status(&output), 2, "{bad}: {output:?}");
        assert!(said(&output).contains("500ms"), "{output:?}");
    }
}
