//! The two text forms of the same numbers: OpenMetrics 1.0 as the registry writes it, and the classic format 0.0.4.

/// A text form for a scraper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4.
    Classic,
}

impl Format {
    /// The form that an `Accept` header asks for: OpenMetrics when it is named, the classic one otherwise.
    pub fn wanted(accept: Option<&str>) -> Self {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Self::OpenMetrics,
            _ => Self::Classic,
        }
    }

    /// The content type of the form.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Turns OpenMetrics text into this form.
    pub(super) fn convert(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Classic => classic(&open_metrics),
        }
    }
}

/// OpenMetrics text as classic text. They differ in five places: the end mark, units, the names that counters and infos
/// are declared under, kinds that the classic format lacks, and exemplars.
fn classic(open_metrics: &str) -> String {
    let kinds: Vec<(&str, &str)> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|declared| declared.split_once(' '))
        .collect();
    let suffix = |name: &str| match kinds.iter().find(|(declared, _)| *declared == name) {
        Some((_, "counter")) => "_total",
        Some((_, "info")) => "_info",
        _ => "",
    };
    let mut out = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            // The classic format escapes only backslashes and line ends in help texts.
            let help = help.replace("\\\"", "\"");
            out.push_str(&format!("# HELP {name}{} {help}\n", suffix(name)));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            out.push_str(&format!("# TYPE {name}{} {}\n", suffix(name), classic_kind(kind)));
        } else {
            out.push_str(without_exemplar(line));
            out.push('\n');
        }
    }
    out
}

fn classic_kind(kind: &str) -> &str {
    match kind {
        "counter" | "gauge" | "histogram" | "summary" => kind,
        "info" | "stateset" => "gauge",
        "gaugehistogram" => "histogram",
        _ => "untyped",
    }
}

/// A sample without its exemplar: what follows ` # ` outside of quotes.
fn without_exemplar(sample: &str) -> &str {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in sample.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'#' if !quoted => return sample.get(..at).map_or(sample, str::trim_end),
            _ => {}
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_infos_are_declared_under_the_name_of_their_samples() {
        let text = "# HELP a_b A \\\"b\\\".\n# TYPE a_b counter\na_b_total{x=\"1\"} 2\n\
                    # HELP c_seconds C.\n# TYPE c_seconds gauge\n# UNIT c_seconds seconds\nc_seconds 0.5\n\
                    # HELP v V.\n# TYPE v info\nv_info{version=\"0.1\"} 1\n\
                    # HELP u U.\n# TYPE u unknown\nu 3\n# EOF\n";
        let want = "# HELP a_b_total A \"b\".\n# TYPE a_b_total counter\na_b_total{x=\"1\"} 2\n\
                    # HELP c_seconds C.\n# TYPE c_seconds gauge\nc_seconds 0.5\n\
                    # HELP v_info V.\n# TYPE v_info gauge\nv_info{version=\"0.1\"} 1\n\
                    # HELP u U.\n# TYPE u untyped\nu 3\n";
        assert_eq!(classic(text), want);
    }

    #[test]
    fn exemplars_go_and_hashes_in_labels_stay() {
        let sample = "h_bucket{le=\"1.0\"} 1 # {id=\"a\"} 0.5";
        assert_eq!(without_exemplar(sample), "h_bucket{le=\"1.0\"} 1");
        let sample = "g{a=\"x # \\\" # y\"} 1";
        assert_eq!(without_exemplar(sample), sample);
    }

    #[test]
    fn only_who_asks_for_openmetrics_gets_it() {
        assert_eq!(Format::wanted(None), Format::Classic);
        assert_eq!(Format::wanted(Some("*/*")), Format::Classic);
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::wanted(Some(prometheus)), Format::OpenMetrics);
    }
}
