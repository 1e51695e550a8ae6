//! How much memory this machine has for the program.

use std::fs::read_to_string;

/// What is assumed where the system does not tell.
const UNKNOWN: u64 = 8 << 30;

/// Half of the memory of the machine or, in a container, of what it may use.
pub fn half() -> u64 {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let container = read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let known = [machine, container].into_iter().flatten().min();
    known.unwrap_or(UNKNOWN) / 2
}

/// Bytes in the line `MemTotal:       16384 kB`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(super::total("MemFree: 1 kB\nMemTotal:       24 kB\n"), Some(24 * 1024));
        assert_eq!(super::total("nothing"), None);
    }
}
