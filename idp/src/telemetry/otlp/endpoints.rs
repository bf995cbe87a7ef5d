//! Where the collector is, by our setting and the variables of the OpenTelemetry specification
//! ("OpenTelemetry Protocol Exporter", "General SDK Configuration").

use anyhow::{bail, ensure};
use url::Url;

/// Full addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub(super) traces: Option<Url>,
    pub(super) metrics: Option<Url>,
}

impl Endpoints {
    /// The address of one signal is the strongest, then `ours`, then the general variable; the
    /// latter two get the path of the signal behind their own. None when nothing is to be exported.
    pub(super) fn resolve(
        ours: Option<&Url>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Option<Self>> {
        let says = |name: &str, wanted: &str| {
            environment(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted))
        };
        if says("OTEL_SDK_DISABLED", "true") {
            return Ok(None);
        }
        let general = match ours {
            Some(url) => Some(checked("--otlp-endpoint", url.clone())?),
            None => read(&environment, "OTEL_EXPORTER_OTLP_ENDPOINT")?,
        };
        let of_signal = |signal: &str, path: &str| {
            if says(&format!("OTEL_{signal}_EXPORTER"), "none") {
                return Ok(None);
            }
            let name = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
            let url = match read(&environment, &name)? {
                Some(url) => Some(url),
                None => general.as_ref().map(|base| under(base, path)),
            };
            if url.is_some() {
                check_protocol(&environment, signal)?;
            }
            Ok::<_, anyhow::Error>(url)
        };
        let endpoints = Self {
            traces: of_signal("TRACES", "v1/traces")?,
            metrics: of_signal("METRICS", "v1/metrics")?,
        };
        let is_any = endpoints.traces.is_some() || endpoints.metrics.is_some();
        Ok(is_any.then_some(endpoints))
    }
}

fn read(environment: impl Fn(&str) -> Option<String>, name: &str) -> anyhow::Result<Option<Url>> {
    let Some(text) = environment(name) else {
        return Ok(None);
    };
    match text.trim().parse() {
        Ok(url) => checked(name, url).map(Some),
        // It may hold a password.
        Err(fault) => bail!("{name} is no URL ({fault}); it takes http://collector:4318"),
    }
}

fn checked(name: &str, url: Url) -> anyhow::Result<Url> {
    ensure!(
        ["http", "https"].contains(&url.scheme()) && url.has_host(),
        "{name} takes an http or https URL, such as http://collector:4318"
    );
    Ok(url)
}

fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn check_protocol(
    environment: impl Fn(&str) -> Option<String>,
    signal: &str,
) -> anyhow::Result<()> {
    let name = format!("OTEL_EXPORTER_OTLP_{signal}_PROTOCOL");
    let said = environment(&name).or_else(|| environment("OTEL_EXPORTER_OTLP_PROTOCOL"));
    match said.as_deref() {
        None | Some("http/protobuf") => Ok(()),
        Some(other) => bail!(
            "the OTLP protocol {other} is not spoken here; say http/protobuf, which collectors \
             take on port 4318"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(ours: Option<&str>, environment: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
        let ours = ours.map(|text| text.parse().unwrap());
        let look = |name: &str| {
            let mut found = environment.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        let endpoints = Endpoints::resolve(ours.as_ref(), look)?;
        Ok(endpoints.map_or_else(Vec::new, |endpoints| {
            [endpoints.traces, endpoints.metrics]
                .map(|url| url.map_or_else(|| "-".to_owned(), String::from))
                .to_vec()
        }))
    }

    const OURS: Option<&str> = Some("http://ours:4318/");
    const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://theirs/otlp");

    #[test]
    fn nothing_is_exported_unasked() {
        for environment in [&[][..], &[("OTEL_SERVICE_NAME", "x")]] {
            assert!(resolved(None, environment).unwrap().is_empty());
        }
    }

    #[test]
    fn the_nearest_word_counts() {
        let of_traces = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://traces:1/as/it/is",
        );
        for (ours, environment, expected) in [
            (
                OURS,
                &[][..],
                ["http://ours:4318/v1/traces", "http://ours:4318/v1/metrics"],
            ),
            (
                None,
                &[GENERAL],
                [
                    "https://theirs/otlp/v1/traces",
                    "https://theirs/otlp/v1/metrics",
                ],
            ),
            (
                OURS,
                &[GENERAL],
                ["http://ours:4318/v1/traces", "http://ours:4318/v1/metrics"],
            ),
            (
                OURS,
                &[of_traces],
                ["http://traces:1/as/it/is", "http://ours:4318/v1/metrics"],
            ),
            (None, &[of_traces], ["http://traces:1/as/it/is", "-"]),
            (
                OURS,
                &[("OTEL_TRACES_EXPORTER", "none")],
                ["-", "http://ours:4318/v1/metrics"],
            ),
        ] {
            assert_eq!(
                resolved(ours, environment).unwrap(),
                expected,
                "{environment:?}"
            );
        }
    }

    #[test]
    fn it_can_be_turned_off() {
        let off = [("OTEL_SDK_DISABLED", "true")];
        assert!(resolved(OURS, &off).unwrap().is_empty());
        let none = [
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ];
        assert!(resolved(OURS, &none).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (ours, environment) in [
            (Some("ftp://collector"), &[][..]),
            (None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]),
            (None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")]),
            (OURS, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]),
            (OURS, &[("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")]),
        ] {
            let fault = resolved(ours, environment).unwrap_err().to_string();
            assert!(fault.contains("http"), "{fault}");
        }
    }
}
