//! One JSON object a line. The formatter of `tracing-subscriber` drops the causes of an error,
//! and "the database is not available" alone helps nobody.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use serde::Serializer;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Timestamp, level and target, then the fields of the event.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let metadata = event.metadata();
        let mut line = Line::default();
        line.put("timestamp", timestamp);
        line.put("level", metadata.level().as_str());
        line.put("target", metadata.target());
        event.record(&mut line);
        writeln!(writer, "{}", line.to_json().map_err(|_| fmt::Error)?)
    }
}

/// Entries in the order in which people want to read them.
#[derive(Default)]
struct Line(Vec<(&'static str, Value)>);

impl Line {
    fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    fn to_json(&self) -> serde_json::Result<String> {
        let mut json = Vec::new();
        serde_json::Serializer::new(&mut json)
            .collect_map(self.0.iter().map(|(name, value)| (name, value)))?;
        Ok(String::from_utf8_lossy(&json).into_owned())
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            // Writing to a string cannot fail.
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        self.put(field.name(), text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Kept {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the database is not available")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_line_is_an_object_and_an_error_brings_its_causes() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(kept.clone())
            .event_format(JsonLines)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let fault = Outer(io::Error::other("connection \"refused\""));
            tracing::warn!(error = &fault as &dyn Error, realm = %"a.b", rows = 3, "away");
        });
        let bytes = kept.0.lock().unwrap().clone();
        let line: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(bytes.starts_with(b"{\"timestamp\":") && bytes.ends_with(b"}\n"));
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "away");
        assert_eq!(line["realm"], "a.b");
        assert_eq!(line["rows"], 3);
        assert_eq!(
            line["error"],
            "the database is not available: connection \"refused\""
        );
        assert!(line["timestamp"].is_string() && line["target"].is_string());
    }
}
