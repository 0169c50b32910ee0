//! CPU time and memory of a process, read from `/proc`. Reads only; where there is no `/proc`, it says so.

use std::{io, path::Path, time::Duration};

/// Clock ticks per second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux architecture that Rust
/// supports with std (proc(5), "clock ticks").
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStats {
    /// User and system time of all its threads, in steps of 10 ms.
    pub cpu: Duration,
    /// Memory that it holds now, in bytes.
    pub resident_bytes: u64,
    /// The most that it ever held, in bytes.
    pub resident_peak_bytes: u64,
}

/// Why a process could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum ProcessStatsError {
    /// There is no such process, it is not ours to look at, or this is not Linux.
    #[error("failed to read {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds something unexpected; a process that is just ending has no memory lines.
    #[error("{path} has no {field}")]
    Missing {
        /// The file.
        path: String,
        /// What is missing.
        field: &'static str,
    },
}

impl ProcessStats {
    /// Measures the process with this id.
    ///
    /// # Errors
    /// See [`ProcessStatsError`].
    pub fn of(pid: u32) -> Result<Self, ProcessStatsError> {
        Self::read(Path::new(&format!("/proc/{pid}")))
    }

    fn read(folder: &Path) -> Result<Self, ProcessStatsError> {
        let file = |name: &str| {
            let path = folder.join(name).display().to_string();
            match std::fs::read_to_string(&path) {
                Ok(text) => Ok((path, text)),
                Err(source) => Err(ProcessStatsError::Unreadable { path, source }),
            }
        };
        let (path, stat) = file("stat")?;
        let ticks = cpu_ticks(&stat).ok_or(ProcessStatsError::Missing { path, field: "CPU times" })?;
        let (path, status) = file("status")?;
        let memory = |name, field| {
            kib_field(&status, name).ok_or_else(|| ProcessStatsError::Missing { path: path.clone(), field })
        };
        Ok(Self {
            cpu: Duration::from_millis(ticks.saturating_mul(1_000 / TICKS_PER_SECOND)),
            resident_bytes: memory("VmRSS:", "VmRSS")?,
            resident_peak_bytes: memory("VmHWM:", "VmHWM")?,
        })
    }
}

/// Fields 14 and 15 (utime, stime) of `stat`. Field 2 is the program's name in brackets and may itself hold
/// spaces and brackets, so counting starts after the last one.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    ticks()?.checked_add(ticks()?)
}

/// A line such as `VmRSS:    1234 kB`, in bytes.
fn kib_field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::{ProcessStats, cpu_ticks, kib_field};

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 200";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
        assert_eq!(cpu_ticks(""), None);
    }

    #[test]
    fn memory_is_given_in_bytes() {
        let status = "Name:\ttandem\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kib_field(status, "VmRSS:"), Some(1_048_576));
        assert_eq!(kib_field(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_very_process_can_be_measured_and_a_missing_one_is_an_error() {
        let stats = ProcessStats::of(std::process::id()).expect("our own /proc is readable");
        assert!(stats.resident_bytes > 0 && stats.resident_peak_bytes >= stats.resident_bytes, "{stats:?}");
        // Above the largest process id that Linux hands out (2^22).
        assert!(ProcessStats::of(u32::MAX).is_err());
    }
}
