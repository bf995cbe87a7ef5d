//! The identity provider process: settings, listeners, snapshot source, hot swap, telemetry, life cycle.
