//! A child process whose output is kept, and which ends with its test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A running process.
pub(crate) struct Running {
    child: Child,
    output: Arc<Output>,
}

#[derive(Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Output {
    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                output.lines.lock().expect("no panic").push(line);
                output.more.notify_all();
            }
            output.more.notify_all();
        });
    }
}

impl Running {
    /// Starts it and follows what it prints.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("{command:?} does not start: {fault}"));
        let output = Arc::new(Output::default());
        output.follow(child.stdout.take().expect("piped"));
        output.follow(child.stderr.take().expect("piped"));
        Self { child, output }
    }

    /// How many lines it has printed; a place to wait from.
    pub(crate) fn printed(&self) -> usize {
        self.output.lines.lock().expect("no panic").len()
    }

    /// Everything it has printed.
    pub(crate) fn text(&self) -> String {
        self.output.lines.lock().expect("no panic").join("\n")
    }

    /// The first line from `from` on that `wanted` takes something out of.
    pub(crate) fn wait_for<T>(
        &self,
        from: usize,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> T {
        let end = Instant::now() + limit;
        let mut lines = self.output.lines.lock().expect("no panic");
        let mut next = from;
        loop {
            while let Some(line) = lines.get(next) {
                if let Some(found) = wanted(line) {
                    return found;
                }
                next += 1;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no {what} within {limit:?}:\n{}",
                lines.join("\n")
            );
            lines = self
                .output
                .more
                .wait_timeout(lines, left)
                .expect("no panic")
                .0;
        }
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM; its exit code once it is gone, or a panic after `limit`.
    pub(crate) fn stop(&mut self, limit: Duration) -> Option<i32> {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status.code();
            }
            assert!(
                Instant::now() < end,
                "still there after {limit:?}:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
