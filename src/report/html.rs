//! The report as a page: no script, no font, no picture from elsewhere; light and dark as the reader's system
//! is.

use super::{Distribution, LoadReport, plot::Line, plot::Plot, table};

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1b1f24;--soft:#59636e;--rule:#d8dee4;--page:#fff;--a:#0b62c4;--b:#b35900;--c:#a0153e}\
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9aa5b1;--rule:#363d46;--page:#12161b;--a:#66b2ff;--b:#ffb057;--c:#ff7b9c}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:48rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin-bottom:0}h1+p{color:var(--soft);margin-top:.25rem;overflow-wrap:anywhere}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:1.25rem 0;font-variant-numeric:tabular-nums}\
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--rule);text-align:right}\
th:first-child,td:first-child{text-align:left}.figures td+td{text-align:left}\
figure{margin:2rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}\
svg text{fill:var(--soft);font-size:12px}.grid{stroke:var(--rule)}\
path{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
path.a{stroke:var(--a)}path.b{stroke:var(--b)}path.c{stroke:var(--c)}\
.legend span{margin-right:1rem}.legend .a{color:var(--a)}.legend .b{color:var(--b)}.legend .c{color:var(--c)}";

pub(super) fn render(report: &LoadReport) -> String {
    let settings = &report.settings;
    let title = format!("{} calls", settings.calls);
    let subtitle = escape(&format!("{} to {}", settings.fixtures.join(", "), settings.to));
    let plots: String = plots(report).iter().map(Plot::to_svg).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1><p>{subtitle}</p>{percentiles}{figures}{plots}\
         </body></html>\n",
        percentiles = percentiles(report),
        figures = figures(report),
    )
}

fn percentiles(report: &LoadReport) -> String {
    let rows: String = table::latencies(report)
        .into_iter()
        .map(|(name, distribution)| match distribution {
            Some(Distribution { count, p50, p95, p99, max }) => format!(
                "<tr><td>{name}</td><td>{p50:.1}</td><td>{p95:.1}</td><td>{p99:.1}</td><td>{max:.1}</td>\
                 <td>{count}</td></tr>"
            ),
            None => format!("<tr><td>{name}</td><td colspan=\"5\">not measured</td></tr>"),
        })
        .collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>ms</th><th>p50</th><th>p95</th><th>p99</th><th>max</th>\
         <th>count</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn figures(report: &LoadReport) -> String {
    let lists = [("lost", &report.calls.lost_because), ("warning", &report.carrier_warnings.kinds)];
    let causes =
        lists.iter().flat_map(|(kind, list)| list.iter().map(|(cause, n)| (*kind, format!("{n} × {cause}"))));
    let rows: String = table::figures(report)
        .into_iter()
        .chain(causes)
        .map(|(name, figure)| format!("<tr><td>{name}</td><td>{}</td></tr>", escape(&figure)))
        .collect();
    format!("<div class=\"scroll\"><table class=\"figures\"><tbody>{rows}</tbody></table></div>")
}

fn plots(report: &LoadReport) -> [Plot<'static>; 3] {
    let series = &report.series;
    let (cdf_title, cdf_label) = match report.overhead_ms {
        Some(_) => ("Overhead: share of answers that took at most so long", "overhead, ms"),
        None => ("Response latency: share of answers that took at most so long", "response latency, ms"),
    };
    let over_time = |name, class, of: fn(&Distribution) -> f64| Line {
        name,
        class,
        points: series.latency.iter().map(|slice| (slice.at_s, of(&slice.response_ms))).collect(),
    };
    [
        Plot {
            title: cdf_title,
            x_label: cdf_label,
            y_label: "share of answers",
            lines: vec![Line { name: "answers", class: "a", points: series.overhead_cdf.clone() }],
            is_step: false,
        },
        Plot {
            title: "Response latency over the run",
            x_label: "seconds since the start",
            y_label: "ms",
            lines: vec![
                over_time("p50", "a", |figures| figures.p50),
                over_time("p95", "b", |figures| figures.p95),
                over_time("max", "c", |figures| figures.max),
            ],
            is_step: false,
        },
        Plot {
            title: "Calls up over the run",
            x_label: "seconds since the start",
            y_label: "calls",
            lines: vec![Line {
                name: "calls",
                class: "a",
                points: series.concurrent.iter().map(|&(at, up)| (at, up as f64)).collect(),
            }],
            is_step: true,
        },
    ]
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
