//! What this process used, as the system counts it. Linux only: elsewhere nothing is known, and nothing is said.

use std::path::Path;
use std::time::Duration;

/// Clock ticks of a second in /proc; 100 on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// Processor time of this process so far, user and system.
pub fn cpu() -> Option<Duration> {
    ticks(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn ticks(stat: &str) -> Option<Duration> {
    // The name of the program stands in parentheses and may hold blanks; utime and stime are the 14th and 15th member.
    let mut after = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (after.next()?.parse().ok()?, after.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 1_000 / TICKS))
}

/// Resident memory of this process in bytes.
pub fn rss() -> Option<u64> {
    resident(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// Bytes that a file takes on the disk; 0 when it is not there.
pub fn on_disk(path: &Path) -> u64 {
    let Ok(metadata) = std::fs::metadata(path) else { return 0 };
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
    #[cfg(not(unix))]
    return metadata.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_counts_are_read() {
        let stat = "42 (a ) name) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(ticks(stat), Some(Duration::from_secs(3)));
        assert_eq!(ticks("nothing"), None);
        assert_eq!(resident("VmPeak:\t 99 kB\nVmRSS:\t  1024 kB\n"), Some(1 << 20));
        assert_eq!(resident("VmPeak:\t 99 kB\n"), None);
    }
}
