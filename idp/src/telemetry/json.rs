//! One JSON object a line. The formatter of `tracing-subscriber` drops the causes of an error,
//! and "the database is not available" alone helps nobody.

use std::borrow::Cow;
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

use super::AUDIT;

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
        let mut line = Line {
            is_audit: metadata.target() == AUDIT,
            ..Line::default()
        };
        line.put("timestamp", timestamp);
        line.put("level", metadata.level().as_str());
        line.put("target", metadata.target());
        event.record(&mut line);
        writeln!(writer, "{}", line.to_json().map_err(|_| fmt::Error)?)
    }
}

/// Entries in the order in which people want to read them.
#[derive(Default)]
struct Line {
    entries: Vec<(Cow<'static, str>, Value)>,
    /// Whether its `event` is an audit event.
    is_audit: bool,
}

impl Line {
    fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.entries.push((Cow::Borrowed(name), value.into()));
    }

    /// An audit event comes as the JSON text that the outbox holds: its members are entries of
    /// the line, so that whoever reads the log need not parse twice. False for what is no object.
    fn put_members(&mut self, text: &str) -> bool {
        let Ok(Value::Object(members)) = serde_json::from_str(text) else {
            return false;
        };
        for (name, value) in members {
            if !self.entries.iter().any(|(known, _)| *known == name) {
                self.entries.push((Cow::Owned(name), value));
            }
        }
        true
    }

    fn to_json(&self) -> serde_json::Result<String> {
        let mut json = Vec::new();
        serde_json::Serializer::new(&mut json)
            .collect_map(self.entries.iter().map(|(name, value)| (name, value)))?;
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
        let text = format!("{value:?}");
        let is_event = self.is_audit && field.name() == "event";
        if !(is_event && self.put_members(&text)) {
            self.put(field.name(), text);
        }
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

    fn line(log: impl FnOnce()) -> Value {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(kept.clone())
            .event_format(JsonLines)
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = kept.0.lock().unwrap().clone();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn an_audit_event_is_part_of_the_object_and_not_a_text_in_it() {
        let payload = serde_json::json!({
            "id": "1", "realm": "a.b", "kind": "login", "fields": {"auth_methods": "password"},
        });
        let line = line(|| tracing::info!(target: AUDIT, realm = %"a.b", event = %payload));
        assert_eq!(line["target"], "audit");
        assert_eq!(line["realm"], "a.b");
        assert_eq!(line["kind"], "login");
        assert_eq!(line["fields"]["auth_methods"], "password");
        assert_eq!(line["event"], Value::Null);
    }

    /// Only what we write ourselves is taken apart.
    #[test]
    fn json_in_other_lines_stays_text() {
        let said = line(|| tracing::info!(target: "other", event = %"{\"level\":\"x\"}"));
        assert_eq!(said["event"], "{\"level\":\"x\"}");
        let said = line(|| tracing::info!(target: AUDIT, event = %"[1]"));
        assert_eq!(said["event"], "[1]");
    }

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
