//! Line plots as SVG text. Colours come from the page's CSS variables, so that a plot follows light and dark.

use std::fmt::Write;

/// Size of a plot, in SVG units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
/// Room for the axes' labels.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;
/// Grid lines per axis, about.
const TICKS: f64 = 5.0;

/// One line of a plot.
pub(super) struct Line<'a> {
    /// In the legend.
    pub name: &'a str,
    /// Its CSS class: `a`, `b` or `c`.
    pub class: &'a str,
    /// Points, by ascending x.
    pub points: Vec<(f64, f64)>,
}

/// A plot with its axes from zero.
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub x_label: &'a str,
    pub y_label: &'a str,
    pub lines: Vec<Line<'a>>,
    /// Each value holds until the next.
    pub is_step: bool,
}

impl Plot<'_> {
    /// The plot with its legend; a sentence instead if there is nothing to show.
    #[expect(clippy::expect_used, reason = "writing into a string cannot fail")]
    pub(super) fn to_svg(&self) -> String {
        let mut svg = String::new();
        self.write(&mut svg).expect("a string takes everything");
        svg
    }

    fn write(&self, svg: &mut String) -> std::fmt::Result {
        let title = self.title;
        write!(svg, "<figure><figcaption>{title}</figcaption>")?;
        if self.lines.iter().all(|line| line.points.is_empty()) {
            return write!(svg, "<p>Nothing was measured.</p></figure>");
        }
        let largest = |axis: fn(&(f64, f64)) -> f64| {
            self.lines.iter().flat_map(|line| &line.points).map(axis).fold(0.0_f64, f64::max)
        };
        let (x_step, x_end) = scale(largest(|point| point.0));
        let (y_step, y_end) = scale(largest(|point| point.1));
        let x = |value: f64| LEFT + value / x_end * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / y_end * (HEIGHT - TOP - BOTTOM);
        write!(svg, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">")?;
        for value in ticks(x_step, x_end) {
            let at = x(value);
            write!(
                svg,
                "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{:.1}\"/>",
                y(0.0)
            )?;
            write!(
                svg,
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                y(0.0) + 16.0,
                label(value)
            )?;
        }
        for value in ticks(y_step, y_end) {
            let at = y(value);
            write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>",
                x(x_end)
            )?;
            write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                at + 4.0,
                label(value)
            )?;
        }
        let (middle_x, middle_y) = (x(x_end / 2.0), y(y_end / 2.0));
        write!(
            svg,
            "<text x=\"{middle_x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 6.0,
            self.x_label
        )?;
        write!(
            svg,
            "<text transform=\"translate(12 {middle_y:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.y_label
        )?;
        for line in &self.lines {
            write!(svg, "<path class=\"{}\" d=\"", line.class)?;
            for (index, &(at, value)) in line.points.iter().enumerate() {
                match index {
                    0 => write!(svg, "M{:.1} {:.1}", x(at), y(value))?,
                    _ if self.is_step => write!(svg, "H{:.1}V{:.1}", x(at), y(value))?,
                    _ => write!(svg, "L{:.1} {:.1}", x(at), y(value))?,
                }
            }
            // A single point has no length; a round cap makes it visible.
            if line.points.len() == 1 {
                write!(svg, "h0.01")?;
            }
            write!(svg, "\"/>")?;
        }
        write!(svg, "</svg>")?;
        if self.lines.len() > 1 {
            write!(svg, "<p class=\"legend\">")?;
            for line in &self.lines {
                write!(svg, "<span class=\"{}\">{}</span> ", line.class, line.name)?;
            }
            write!(svg, "</p>")?;
        }
        write!(svg, "</figure>")
    }
}

/// A round step of 1, 2 or 5 times a power of ten, and the first multiple of it that is not below `largest`.
fn scale(largest: f64) -> (f64, f64) {
    if !largest.is_finite() || largest <= 0.0 {
        return (1.0, 1.0);
    }
    let raw = largest / TICKS;
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * magnitude >= raw).unwrap_or(10.0)
        * magnitude;
    (step, (largest / step).ceil() * step)
}

fn ticks(step: f64, end: f64) -> impl Iterator<Item = f64> {
    (0..=(end / step).round() as u32).map(move |index| f64::from(index) * step)
}

/// As few digits as tell the ticks apart.
fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{label, scale};

    #[test]
    fn axes_end_on_a_round_number_that_holds_all_values() {
        for (largest, expected) in
            [(1.0, (0.2, 1.0)), (7.0, (2.0, 8.0)), (99.0, (20.0, 100.0)), (430.0, (100.0, 500.0))]
        {
            let (step, end) = scale(largest);
            assert!(
                (step - expected.0).abs() < 1e-9 && (end - expected.1).abs() < 1e-9,
                "{largest}: {step} {end}"
            );
        }
        assert_eq!(scale(0.0), (1.0, 1.0));
        assert_eq!(scale(f64::NAN), (1.0, 1.0));
    }

    #[test]
    fn labels_have_no_needless_digits() {
        assert_eq!([label(0.0), label(0.2), label(0.6000000001), label(500.0)], ["0", "0.2", "0.6", "500"]);
    }
}
