//! A child process whose output is kept, and which ends with its test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Values that no output may ever hold (design.md section 8): passwords, secrets, personal data.
const PLANTED: &[&str] = &[
    "correct horse battery",
    "planted-client-secret",
    "planted-password",
    "demo@example.com",
    "planted.person@example.com",
    "+380501234567",
];

/// What our processes log: everything, to be searched for what it must not hold; not where time is
/// measured.
pub const LOG: &str = if cfg!(debug_assertions) {
    "debug"
} else {
    "info"
};

/// What a process is told beside where things are.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Arguments after the others.
    pub arguments: Vec<String>,
    /// Variables of its environment.
    pub environment: Vec<(&'static str, String)>,
    /// Soft and hard limit of open files, in between a colon; otherwise those of the test.
    pub open_files: Option<&'static str>,
}

/// A running process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    printed: Mutex<Printed>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Printed {
    lines: Vec<String>,
    /// How many of the two streams have ended, as they do with the process.
    ended: usize,
}

impl Output {
    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().expect("no panic")
    }

    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                output.printed().lines.push(line);
                output.more.notify_all();
            }
            output.printed().ended += 1;
            output.more.notify_all();
        });
    }

    /// Asks `found` again whenever something was printed, until it finds something.
    fn wait<T>(
        &self,
        limit: Duration,
        what: &str,
        mut found: impl FnMut(&Printed) -> Option<T>,
    ) -> T {
        let end = Instant::now() + limit;
        let mut printed = self.printed();
        loop {
            if let Some(found) = found(&printed) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no {what} within {limit:?}:\n{}",
                printed.lines.join("\n")
            );
            printed = self.more.wait_timeout(printed, left).expect("no panic").0;
        }
    }
}

impl Running {
    /// Starts it and follows what it prints. Its input says nothing, and closes when the tests are
    /// over, however they end.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("{command:?} does not start: {fault}"));
        let output = Arc::new(Output::default());
        output.follow(child.stdout.take().expect("piped"));
        output.follow(child.stderr.take().expect("piped"));
        Self { child, output }
    }

    /// Writes a line to its input.
    pub fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").expect("it reads");
    }

    /// How many lines it has printed; a place to wait from.
    pub fn printed(&self) -> usize {
        self.output.printed().lines.len()
    }

    /// Whether it prints no more, as it has ended.
    pub fn has_ended(&self) -> bool {
        self.output.printed().ended == 2
    }

    /// Everything it has printed.
    pub fn text(&self) -> String {
        self.output.printed().lines.join("\n")
    }

    /// The first line from `from` on that `wanted` takes something out of.
    pub fn wait_for<T>(
        &self,
        from: usize,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> T {
        let mut next = from;
        self.output.wait(limit, what, |printed| {
            while let Some(line) = printed.lines.get(next) {
                next += 1;
                let found = wanted(line);
                if found.is_some() {
                    return found;
                }
            }
            None
        })
    }

    /// Whether it prints this line, before it ends and within a limit, whose end is a panic.
    pub fn says(&self, wanted: &str, limit: Duration) -> bool {
        self.output.wait(limit, wanted, |printed| {
            let is_said = printed.lines.iter().any(|line| line == wanted);
            (is_said || printed.ended == 2).then_some(is_said)
        })
    }

    /// Processor time that it has taken, all threads together; in steps of 10 ms.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("it runs");
        // The name, which may hold anything, ends at the last bracket; proc_pid_stat(5).
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum();
        Duration::from_millis(ticks * 10)
    }

    /// Files that it may have open.
    pub fn most_open_files(&self) -> u64 {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.child.id()));
        let limits = limits.expect("it runs");
        let mut lines = limits.lines();
        let line = lines.find_map(|line| line.strip_prefix("Max open files"));
        let soft = line.and_then(|line| line.split_whitespace().next());
        soft.expect("a limit").parse().expect("a number")
    }

    /// Memory that it has in use.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        kilobytes.expect("a size").parse::<u64>().expect("a number") * 1024
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM; its exit code once it is gone, or a panic after `limit`.
    pub fn stop(&mut self, limit: Duration) -> Option<i32> {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        self.end(limit)
    }

    /// Waits until it ends by itself; its exit code, or a panic after `limit`.
    pub fn end(&mut self, limit: Duration) -> Option<i32> {
        self.output
            .wait(limit, "end", |printed| (printed.ended == 2).then_some(()));
        self.child.wait().expect("it is our child").code()
    }

    /// Fails when it printed what no output may ever hold.
    pub fn assert_discreet(&self) {
        let text = self.text();
        for planted in PLANTED {
            assert!(!text.contains(planted), "{planted:?} was printed:\n{text}");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
