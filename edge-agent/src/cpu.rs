//! What threads have used of a core, by the kernel's own clocks: figures that a busy machine does not bend.

use std::{fs, io, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// Used so far by the calling thread, in its own code and in the kernel.
pub fn thread_time() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// Used so far by this process, threads that have ended included.
pub fn process_time() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let used = clock_gettime(clock);
    // The kernel's figures are neither negative nor past a second in their nanoseconds.
    let seconds = u64::try_from(used.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(used.tv_nsec).unwrap_or(0))
}

/// A thread of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number in the system.
    pub id: u64,
    /// Its name, at most 15 bytes of it.
    pub name: String,
    /// Used so far.
    pub used: Duration,
}

/// The threads of this process that run now.
///
/// # Errors
/// Where /proc does not say it.
pub fn threads() -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        let read = |file| fs::read_to_string(entry.path().join(file)).ok();
        // One that ends meanwhile is left out.
        let (Some(name), Some(used)) = (read("comm"), read("schedstat")) else {
            continue;
        };
        let id = entry.file_name().to_string_lossy().parse().ok();
        let nanoseconds = used.split(' ').next().and_then(|used| used.parse().ok());
        if let (Some(id), Some(nanoseconds)) = (id, nanoseconds) {
            threads.push(Thread {
                id,
                name: name.trim_end().to_owned(),
                used: Duration::from_nanos(nanoseconds),
            });
        }
    }
    Ok(threads)
}

/// Memory of this process that lies in the machine's, in bytes: resident set size.
///
/// # Errors
/// Where /proc does not say it.
pub fn resident_bytes() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other("/proc/self/status has no VmRSS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_by_the_clock_of_its_thread_and_by_the_list_of_threads() {
        let worker = std::thread::Builder::new()
            .name("hard-at-work".to_owned())
            .spawn(|| {
                let began = thread_time();
                while thread_time() - began < Duration::from_millis(20) {
                    std::hint::spin_loop();
                }
                threads()
            });
        let seen = worker.unwrap().join().unwrap().unwrap();
        let worker = seen.iter().find(|t| t.name == "hard-at-work").unwrap();
        assert!(worker.used >= Duration::from_millis(20), "{worker:?}");
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
