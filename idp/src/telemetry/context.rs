//! The W3C Trace Context between processes: `traceparent` in, from proxies that are trusted, and
//! out to whom we call. `tracestate` is neither read nor sent on: it is free text of strangers.

use http::HeaderMap;
use http::header::HeaderValue;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

/// Nothing but a `traceparent` that occurs once.
struct Incoming<'h>(&'h HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let mut values = self.0.get_all(TRACEPARENT).iter();
        let value = values.next().filter(|_| key == TRACEPARENT)?;
        values.next().is_none().then(|| value.to_str().ok())?
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

struct Outgoing<'h>(&'h mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT
            && let Ok(value) = HeaderValue::try_from(value)
        {
            self.0.insert(TRACEPARENT, value);
        }
    }
}

/// Makes a span that was not entered yet a part of the trace that the headers name, if any.
pub(crate) fn join(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&Incoming(headers));
    if context.span().span_context().is_valid() {
        // It fails where spans are not exported, and then there is nothing to continue.
        let _ = span.set_parent(context);
    }
}

/// A span gets the name that says what it was once that is known.
pub(crate) fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// Names the current span to whom is called.
pub(crate) fn hand_on(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut Outgoing(headers));
}
